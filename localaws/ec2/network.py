"""The default VPC leads to the internet, as on AWS: moto gives it neither a gateway nor a route.

https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc-components.html. Processes here are cut off from
no network, whatever their subnet: what DescribeRouteTables tells is for those who look before they launch.
"""

from typing import Any

from moto.ec2.models import EC2Backend

EVERYWHERE = "0.0.0.0/0"
stock_init = EC2Backend.__init__


def make_backend(backend: EC2Backend, region_name: str, account_id: str) -> None:
    """Make what a region has from its beginning, and a way to the internet."""
    stock_init(backend, region_name, account_id)
    add_gateway(backend)


def add_gateway(backend: Any) -> None:
    """Give the default VPC a gateway, and its main route table a route to that."""
    vpc_id = backend.default_vpc.id
    gateway = backend.create_internet_gateway()
    backend.attach_internet_gateway(gateway.id, vpc_id)
    (table,) = backend.describe_route_tables(filters={"vpc-id": vpc_id, "association.main": "true"})
    backend.create_route(table.id, EVERYWHERE, gateway_id=gateway.id)


def install() -> None:
    """Put this in the place of moto's, before a backend is made."""
    setattr(EC2Backend, "__init__", make_backend)  # noqa: B010 - mypy refuses to assign a method
