"""What preflight finds of EC2 in an account."""

from dataclasses import replace
from typing import Any

import pytest

from musher.errors import PreflightError
from musher.params.ec2 import AMAZON_LINUX
from musher.settings import Settings
from musher.stages.checks import look_at_all
from musher.stages.ec2_checks import check_network, check_profile, list_ec2_checks


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ec2_image": "/aws/service/ami-amazon-linux-latest/none"}, "AWS has no such parameter here"),
        ({"ec2_instance_type": "m5.tiny"}, "EC2 has no such type here"),
        ({"ec2_instance_type": "m6g.xlarge"}, "is for x86_64, and m6g.xlarge is arm64"),
        ({"ec2_volume_gb": 8}, "ec2_volume_gb is 8, and the image has"),
    ],
    ids=["image", "type", "architecture", "disk"],
)
def test_what_cannot_work_is_refused_before_anything_is_paid(
    changes: dict[str, Any], said: str, ec2_installation: Settings
) -> None:
    params = {
        "ec2_image": AMAZON_LINUX,
        "ec2_instance_type": "m5.xlarge",
        "ec2_volume_gb": 40,
        "ec2_use_spot": False,
        **changes,
    }
    problems, warnings = look_at_all(list_ec2_checks(ec2_installation, params, channels={}))
    assert said in problems[0]
    assert len(problems) == 1, problems
    assert all("EC2 quota" in warning for warning in warnings)


def test_a_subnet_without_a_route_is_refused(ec2_installation: Settings, localaws: Any) -> None:
    ec2 = localaws.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(VpcId=vpc, GroupName="g", Description="d")["GroupId"]
    settings = replace(ec2_installation, subnets=(subnet,), security_groups=(group,))
    assert check_network(settings) == [
        f"The subnet {subnet} has no route to 0.0.0.0/0, so that an instance in it reaches neither S3 nor "
        "CloudWatch Logs. Name another one first in MUSHER_SUBNETS, or correct its routes."
    ]
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    assert f"The security group {group} lets in connections from everywhere" in check_network(settings)[0]


def test_without_the_stack_s_part_for_ec2_its_absence_is_said(ec2_installation: Settings) -> None:
    settings = replace(ec2_installation, project="nobody")
    with pytest.raises(
        PreflightError, match=r"has no security group nobody-ec2\. Deploy infra/bootstrap.yaml"
    ):
        check_network(settings)
    [problem] = check_profile(settings)
    assert "The instance profile nobody-ec2 does not exist" in problem
