"""Aliases: created, moved, weighed and refused as on AWS."""

import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

VERSION = "def handler(event, context):\n    return [{value!r}, context.function_version]\n"


@pytest.fixture(scope="module")
def name(functions: Any) -> str:
    """A function with two versions."""
    made = functions.create(VERSION.format(value="one"), Publish=True)
    functions.update(made, VERSION.format(value="two"))
    functions.lam.publish_version(FunctionName=made)
    return str(made)


def weights(**shares: Any) -> dict[str, Any]:
    """Return a RoutingConfig; `v2=0.5` is version 2."""
    return {"AdditionalVersionWeights": {key.removeprefix("v"): share for key, share in shares.items()}}


def test_an_alias_tells_its_routing_only_where_it_has_one(functions: Any, name: str) -> None:
    lam, alias = functions.lam, uuid.uuid4().hex
    made = lam.create_alias(FunctionName=name, Name=alias, FunctionVersion="1", RoutingConfig=weights(v2=0.2))
    assert made["RoutingConfig"] == weights(v2=0.2)
    assert made["AliasArn"].endswith(f":{name}:{alias}")
    kept = lam.update_alias(FunctionName=name, Name=alias, Description="x")
    assert kept["RoutingConfig"] == weights(v2=0.2)
    cleared = lam.update_alias(FunctionName=name, Name=alias, RoutingConfig={})
    assert "RoutingConfig" not in cleared
    assert len({answer["RevisionId"] for answer in (made, kept, cleared)}) == 3
    assert lam.get_alias(FunctionName=name, Name=alias)["RevisionId"] == cleared["RevisionId"]


def test_aliases_are_listed_by_version(functions: Any, name: str) -> None:
    lam, alias = functions.lam, uuid.uuid4().hex
    lam.create_alias(FunctionName=name, Name=alias, FunctionVersion="2")
    for version in ("1", "2"):
        listed = lam.list_aliases(FunctionName=name, FunctionVersion=version)["Aliases"]
        assert {entry["FunctionVersion"] for entry in listed} <= {version}
        assert (alias in {entry["Name"] for entry in listed}) == (version == "2")


def test_an_alias_is_there_once(functions: Any, name: str) -> None:
    lam, alias = functions.lam, uuid.uuid4().hex
    lam.create_alias(FunctionName=name, Name=alias, FunctionVersion="1")
    with pytest.raises(ClientError, match="Alias already exists") as error:
        lam.create_alias(FunctionName=name, Name=alias, FunctionVersion="1")
    assert error.value.response["Error"]["Code"] == "ResourceConflictException"
    lam.delete_alias(FunctionName=name, Name=alias)
    with pytest.raises(ClientError, match="Cannot find alias arn") as error:
        lam.get_alias(FunctionName=name, Name=alias)
    assert error.value.response["Error"]["Code"] == "ResourceNotFoundException"
    assert lam.delete_alias(FunctionName=name, Name=alias), "deleting what is not there is fine"


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ({"Name": "1"}, "ValidationException", "at 'name' failed"),
        ({"FunctionVersion": "9"}, "ResourceNotFoundException", "Function not found"),
        ({"FunctionVersion": "live"}, "ValidationException", "at 'functionVersion' failed"),
        (
            {"RoutingConfig": weights(v2=0.1, v3=0.1)},
            "InvalidParameterValueException",
            "cannot be greater than 1",
        ),
        ({"RoutingConfig": weights(v2=2.0)}, "ValidationException", "less than or equal to 1.0"),
        ({"RoutingConfig": weights(v1=0.5)}, "InvalidParameterValueException", "already included"),
        ({"RoutingConfig": weights(v9=0.5)}, "ResourceNotFoundException", "Function not found"),
        (
            {"RoutingConfig": {"AdditionalVersionWeights": {"$LATEST": 0.5}}},
            "ValidationException",
            "Map keys must satisfy",
        ),
        (
            {"FunctionVersion": "$LATEST", "RoutingConfig": weights(v1=0.5)},
            "InvalidParameterValueException",
            "$LATEST is not supported for an alias pointing to more than 1 version",
        ),
    ],
)
def test_what_cannot_be_an_alias_is_refused(
    functions: Any, name: str, options: dict[str, Any], code: str, message: str
) -> None:
    request = {"Name": uuid.uuid4().hex, "FunctionVersion": "1"} | options
    with pytest.raises(ClientError) as error:
        functions.lam.create_alias(FunctionName=name, **request)
    assert error.value.response["Error"]["Code"] == code
    assert message in error.value.response["Error"]["Message"]


def test_all_traffic_may_go_to_the_further_version(functions: Any, name: str) -> None:
    alias = uuid.uuid4().hex
    functions.lam.create_alias(
        FunctionName=name, Name=alias, FunctionVersion="1", RoutingConfig=weights(v2=1.0)
    )
    answer = functions.invoke(name, Qualifier=alias)
    assert (answer.version, answer.json) == ("2", ["two", "2"])


def test_versions_of_other_roles_share_no_traffic(functions: Any) -> None:
    lam, name = functions.lam, functions.create(VERSION.format(value="one"), Publish=True)
    role = functions.make_role(f"other-{uuid.uuid4().hex[:8]}")
    lam.update_function_configuration(FunctionName=name, Role=role)
    lam.get_waiter("function_updated_v2").wait(FunctionName=name)
    lam.publish_version(FunctionName=name)
    lam.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    with pytest.raises(ClientError, match="must be associated with the same execution role") as error:
        lam.update_alias(FunctionName=name, Name="live", RoutingConfig=weights(v2=0.5))
    assert error.value.response["Error"]["Code"] == "InvalidParameterValueException"
    assert "RoutingConfig" not in lam.get_alias(FunctionName=name, Name="live")


def test_an_alias_that_shares_its_traffic_is_not_provisioned(functions: Any, name: str) -> None:
    lam, alias = functions.lam, uuid.uuid4().hex
    lam.create_alias(FunctionName=name, Name=alias, FunctionVersion="1", RoutingConfig=weights(v2=0.5))
    provision: Any = {"FunctionName": name, "Qualifier": alias}
    with pytest.raises(ClientError, match="Alias with weights can not be used with Provisioned Concurrency"):
        lam.put_provisioned_concurrency_config(**provision, ProvisionedConcurrentExecutions=1)
    lam.update_alias(FunctionName=name, Name=alias, RoutingConfig={})
    lam.put_provisioned_concurrency_config(**provision, ProvisionedConcurrentExecutions=1)
    with pytest.raises(ClientError, match="Invalid alias configuration for Provisioned Concurrency"):
        lam.update_alias(FunctionName=name, Name=alias, RoutingConfig=weights(v2=0.5))
    lam.delete_provisioned_concurrency_config(**provision)


def test_the_versions_of_an_alias_have_metrics_of_their_own(functions: Any) -> None:
    fails = "def handler(event, context):\n    raise ValueError('broken')\n"
    lam, made = functions.lam, functions.create(VERSION.format(value="one"), Publish=True)
    functions.update(made, fails)
    lam.publish_version(FunctionName=made)
    lam.create_alias(FunctionName=made, Name="live", FunctionVersion="1", RoutingConfig=weights(v2=1.0))
    assert functions.invoke(made, Qualifier="live").error == "Unhandled"
    lam.update_alias(FunctionName=made, Name="live", RoutingConfig=weights(v2=0.0))
    assert functions.invoke(made, Qualifier="live").error is None
    watch = functions.server.client("cloudwatch")
    listed = watch.list_metrics(
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Dimensions=[{"Name": "FunctionName", "Value": made}, {"Name": "ExecutedVersion"}],
    )["Metrics"]
    assert {
        tuple(sorted((entry["Name"], entry["Value"]) for entry in metric["Dimensions"])) for metric in listed
    } == {
        (("ExecutedVersion", version), ("FunctionName", made), ("Resource", f"{made}:live"))
        for version in ("1", "2")
    }
