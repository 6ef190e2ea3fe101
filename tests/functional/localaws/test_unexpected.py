"""What moto's handlers raise, and do not expect to, reaches the client as an answer."""

from typing import Any

import pytest
from botocore.exceptions import ClientError


def test_what_moto_looks_for_in_vain_is_answered_at_once(localaws: Any) -> None:
    """A StopIteration that leaves a thread never arrives: the client waited for ever."""
    with pytest.raises(ClientError) as caught:
        localaws.client("ec2").replace_network_acl_association(
            AssociationId="aclassoc-00000000", NetworkAclId="acl-00000000"
        )
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert "ReplaceNetworkAclAssociation" in str(caught.value)
