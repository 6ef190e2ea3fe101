"""Which quota an instance type counts for, and how much of it."""

from types import SimpleNamespace

import pytest

from localaws.ec2.quotas import STANDARD, count_vcpus, find_quota, read_value


@pytest.mark.parametrize(
    ("name", "is_spot", "code"),
    [
        ("m5.xlarge", False, "L-1216C47A"),
        ("t3.micro", True, "L-34B43A08"),
        ("im4gn.large", False, "L-1216C47A"),
        ("g5.xlarge", False, "L-DB2E81BA"),
        ("gr6.4xlarge", True, "L-3819A6DF"),
        ("vt1.3xlarge", False, "L-DB2E81BA"),
        ("p5.48xlarge", False, "L-417A185B"),
        ("p3.2xlarge", True, "L-7212CCBC"),
    ],
)
def test_each_family_has_its_quota(name: str, is_spot: bool, code: str) -> None:
    quota = find_quota(name, is_spot=is_spot)
    assert quota is not None
    assert quota.code == code


@pytest.mark.parametrize("name", ["inf2.xlarge", "trn1.2xlarge", "u-6tb1.metal", "x1.16xlarge", "mac1.metal"])
def test_some_families_have_none_here(name: str) -> None:
    assert find_quota(name, is_spot=False) is None


def test_vcpus_are_those_of_the_type_and_a_grant_is_heeded() -> None:
    assert (count_vcpus("m5.xlarge"), count_vcpus("m5.24xlarge"), count_vcpus("m5.none")) == (4, 96, 0)
    assert read_value(SimpleNamespace(), STANDARD) == 256
    assert read_value(SimpleNamespace(granted_quotas={STANDARD.code: 300.0}), STANDARD) == 300
