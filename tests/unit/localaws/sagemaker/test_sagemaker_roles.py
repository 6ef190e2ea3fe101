"""Roles that SageMaker cannot assume."""

import pytest
from moto.sagemaker.exceptions import AWSValidationException

from localaws.sagemaker.roles import check_role


@pytest.mark.parametrize("arn", ["", "arn:test", "role", "arn:aws:iam::123456789012:role/no-such-role"])
def test_what_is_no_role_here_is_refused_in_awss_words(arn: str) -> None:
    with pytest.raises(AWSValidationException, match=r"Could not assume role .*the role exists"):
        check_role(arn)
