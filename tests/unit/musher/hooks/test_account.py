"""Looks at the account: quotas page by page, callers, and denials."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from musher.hooks.account import find_denial, find_role, read_caller, read_quotas


class FakeQuotas:
    """Service Quotas with pages, which counts those that were read."""

    def __init__(self, **pages: list[list[tuple[str, float]]]) -> None:
        self.pages = pages
        self.read = 0

    def get_paginator(self, operation: str) -> "FakeQuotas":
        self.operation = operation
        return self

    def paginate(self, **request: Any) -> Any:
        assert request["ServiceCode"] == "sagemaker"
        for page in self.pages[self.operation]:
            self.read += 1
            yield {"Quotas": [{"QuotaName": name, "Value": value} for name, value in page]}


def test_pages_are_read_until_all_names_have_come() -> None:
    client = FakeQuotas(list_service_quotas=[[("a", 1)], [("b", 2)], [("c", 3)]])
    assert read_quotas(client, service="sagemaker", names={"a", "b"}) == {"a": 1.0, "b": 2.0}
    assert client.read == 2


def test_a_quota_that_was_never_changed_has_awss_default() -> None:
    client = FakeQuotas(
        list_service_quotas=[[("a", 5)]], list_aws_default_service_quotas=[[("a", 0), ("b", 2)]]
    )
    assert read_quotas(client, service="sagemaker", names={"a", "b"}) == {"a": 5.0, "b": 2.0}


class FakeCaller:
    """STS with one caller."""

    def __init__(self, arn: str) -> None:
        self.arn = arn

    def get_caller_identity(self) -> dict[str, str]:
        return {"Arn": self.arn}


@pytest.mark.parametrize(
    ("arn", "caller"),
    [
        ("arn:aws-cn:sts::123456789012:assumed-role/airflow/s", "arn:aws-cn:iam::123456789012:role/airflow"),
        ("arn:aws:iam::123456789012:user/me", "arn:aws:iam::123456789012:user/me"),
    ],
)
def test_a_session_stands_for_its_role(arn: str, caller: str) -> None:
    assert read_caller(FakeCaller(arn)) == caller


class Failing:
    """A client whose every call fails with one code."""

    def __init__(self, code: str) -> None:
        self.code = code

    def _fail(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": self.code, "Message": "no"}}, "Operation")

    list_objects_v2 = get_role = _fail


def test_a_denied_prefix_is_told_from_other_errors() -> None:
    assert find_denial(Failing("AccessDenied"), bucket="b", prefix="p") == "AccessDenied"
    assert find_denial(Failing("NoSuchBucket"), bucket="b", prefix="p") is None


def test_a_role_that_may_not_be_looked_at_is_not_missing() -> None:
    assert find_role(Failing("NoSuchEntity"), name="r") is None
    with pytest.raises(ClientError, match="AccessDenied"):
        find_role(Failing("AccessDenied"), name="r")
