"""What DescribeRouteTables tells of the default VPC, and of a subnet that leads nowhere."""

from typing import Any

import boto3
from moto import mock_aws

from tests.functional.localaws.ec2.test_launches_refused import KEYS


def find_routes(ec2: Any, vpc_id: str) -> list[str]:
    """Return where the main route table of a VPC leads."""
    filters = [
        {"Name": "vpc-id", "Values": [vpc_id]},
        {"Name": "association.main", "Values": ["true"]},
    ]
    (table,) = ec2.describe_route_tables(Filters=filters)["RouteTables"]
    return [route["GatewayId"] for route in table["Routes"] if route["DestinationCidrBlock"] == "0.0.0.0/0"]


def find_default_vpc(ec2: Any) -> str:
    """Return the default VPC's id."""
    filters = [{"Name": "is-default", "Values": ["true"]}]
    return str(ec2.describe_vpcs(Filters=filters)["Vpcs"][0]["VpcId"])


def test_the_default_vpc_leads_to_the_internet(localaws: Any) -> None:
    ec2 = localaws.client("ec2")
    vpc_id = find_default_vpc(ec2)
    (gateway,) = find_routes(ec2, vpc_id)
    (found,) = ec2.describe_internet_gateways(InternetGatewayIds=[gateway])["InternetGateways"]
    assert found["Attachments"] == [{"State": "available", "VpcId": vpc_id}]


def test_a_subnet_of_another_vpc_leads_nowhere(localaws: Any) -> None:
    ec2 = localaws.client("ec2")
    vpc_id = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc_id, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    by_subnet = [{"Name": "association.subnet-id", "Values": [subnet]}]
    assert ec2.describe_route_tables(Filters=by_subnet)["RouteTables"] == []  # it has the VPC's main one
    assert find_routes(ec2, vpc_id) == []
    ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc_id)


def test_moto_leads_nowhere() -> None:
    with mock_aws():
        ec2 = boto3.client("ec2", **KEYS)
        assert find_routes(ec2, find_default_vpc(ec2)) == []
