"""What launch templates and configurations say of instances, and what their requests say against it."""

from types import SimpleNamespace
from typing import Any

import pytest
from moto.ec2.exceptions import EC2ClientError

from localaws.ec2.templates import associate_profile, complete


def associated(options: dict[str, Any], template: dict[str, Any]) -> list[Any]:
    """Return the names and ARNs of the profiles that two instances get."""
    found: list[Any] = []

    def associate(
        *, instance_id: str, iam_instance_profile_name: str | None, iam_instance_profile_arn: str | None
    ) -> None:
        found.append((instance_id, iam_instance_profile_name, iam_instance_profile_arn))

    backend = SimpleNamespace(associate_iam_instance_profile=associate)
    reservation: Any = SimpleNamespace(instances=[SimpleNamespace(id="i-1"), SimpleNamespace(id="i-2")])
    associate_profile(backend, reservation, options=options, template=template)
    return found


def test_a_request_goes_before_its_template() -> None:
    template = {
        "MetadataOptions": {"HttpTokens": "required"},
        "InstanceInitiatedShutdownBehavior": "terminate",
    }
    options: dict[str, Any] = {"metadata_options": {"HttpTokens": "optional"}}
    complete(options, template)
    assert options["metadata_options"] == {"HttpTokens": "optional"}
    assert options["instance_initiated_shutdown_behavior"] == "terminate"


def test_a_template_may_ask_for_spot_instances_that_do_not_come_back() -> None:
    options: dict[str, Any] = {}
    complete(options, {"InstanceMarketOptions": {"MarketType": "spot"}})
    assert options == {"instance_market_options": "spot"}
    spot = {"MarketType": "spot", "SpotOptions": {"SpotInstanceType": "persistent"}}
    with pytest.raises(EC2ClientError, match="one-time"):
        complete({}, {"InstanceMarketOptions": spot})


def test_all_instances_get_the_profile_of_their_template() -> None:
    template = {"IamInstanceProfile": {"Name": "p"}}
    assert associated({}, template) == [("i-1", "p", None), ("i-2", "p", None)]
    assert associated({"iam_instance_profile_name": "own"}, template) == []
    assert associated({}, {}) == []


@pytest.mark.parametrize(
    ("named", "found"),
    [("p", ("p", None)), ("arn:aws:iam::1:instance-profile/p", (None, "arn:aws:iam::1:instance-profile/p"))],
)
def test_a_launch_configuration_names_a_profile_or_its_arn(named: str, found: tuple[Any, Any]) -> None:
    options = {"launch_config": SimpleNamespace(iam_instance_profile=named)}
    assert associated(options, {})[0][1:] == found
