"""Versions, aliases and tags over the life of one function, as boto3's users see them."""

from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError

TELL = (
    "import os\n"
    "def handler(event, context):\n"
    "    return [context.function_version, context.invoked_function_arn, os.environ.get('KIND')]\n"
)
ARN = "arn:aws:lambda:us-east-1:123456789012:function"


@pytest.fixture(scope="module")
def name(functions: Any) -> str:
    """A function with two versions of different variables, and an alias of the first."""
    lam = functions.lam
    name = str(functions.create(TELL, Publish=True, Environment={"Variables": {"KIND": "one"}}))
    lam.update_function_configuration(FunctionName=name, Environment={"Variables": {"KIND": "two"}})
    lam.get_waiter("function_updated_v2").wait(FunctionName=name)
    lam.publish_version(FunctionName=name, Description="second")
    lam.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    return name


@pytest.mark.parametrize(
    ("form", "version", "variable"),
    [
        ("{name}", "$LATEST", "two"),
        ("{name}:$LATEST", "$LATEST", "two"),
        ("{name}:1", "1", "one"),
        ("{name}:live", "1", "one"),
        ("function:{name}:2", "2", "two"),
        ("123456789012:function:{name}", "$LATEST", "two"),
        ("123456789012:function:{name}:live", "1", "one"),
        ("us-east-1:123456789012:function:{name}:2", "2", "two"),
        (ARN + ":{name}", "$LATEST", "two"),
        (ARN + ":{name}:live", "1", "one"),
    ],
)
def test_every_form_of_a_name_runs_its_version(
    functions: Any, name: str, form: str, version: str, variable: str
) -> None:
    named = form.format(name=name)
    answer = functions.invoke(named)
    ran, arn, seen = answer.json
    assert (ran, seen, answer.version) == (version, variable, version)
    _, _, qualifier = named.partition(f"{name}:")
    assert arn == f"{ARN}:{name}" + (f":{qualifier}" if qualifier else "")
    assert functions.lam.get_function_configuration(FunctionName=named)["Version"] == version


@pytest.mark.parametrize("qualifier", ["$LATEST", "1", "2", "live"])
def test_a_qualifier_beside_the_name_is_the_same(functions: Any, name: str, qualifier: str) -> None:
    lam = functions.lam
    beside = lam.get_function(FunctionName=name, Qualifier=qualifier)["Configuration"]
    within = lam.get_function(FunctionName=f"{name}:{qualifier}")["Configuration"]
    assert beside == within
    assert beside["FunctionArn"] == f"{ARN}:{name}:{qualifier}"
    assert functions.invoke(name, Qualifier=qualifier).json == functions.invoke(f"{name}:{qualifier}").json


def test_versions_are_listed_with_what_they_are(functions: Any, name: str) -> None:
    versions = functions.lam.list_versions_by_function(FunctionName=name)["Versions"]
    assert [version["Version"] for version in versions] == ["$LATEST", "1", "2"]
    assert [version["Environment"]["Variables"]["KIND"] for version in versions] == ["two", "one", "two"]
    assert [version["Description"] for version in versions] == ["", "", "second"]
    assert [version["FunctionArn"].rpartition(":")[2] for version in versions] == ["$LATEST", "1", "2"]
    assert not any({"State", "LastUpdateStatus"} & version.keys() for version in versions)
    assert len({version["RevisionId"] for version in versions}) == 3


def test_all_versions_of_all_functions_are_listed_where_asked(functions: Any, name: str) -> None:
    pages = functions.lam.get_paginator("list_functions")
    found = [
        function["FunctionArn"]
        for page in pages.paginate(FunctionVersion="ALL")
        for function in page["Functions"]
        if function["FunctionName"] == name
    ]
    assert {f"{ARN}:{name}:1", f"{ARN}:{name}:2"} <= set(found)
    assert len(found) == 3


def test_a_number_is_given_once(functions: Any) -> None:
    lam, name = functions.lam, functions.create(TELL, Publish=True)
    assert lam.publish_version(FunctionName=name)["Version"] == "1", "nothing has changed"
    functions.update(name, TELL)
    lam.update_function_configuration(FunctionName=name, Timeout=10)
    lam.get_waiter("function_updated_v2").wait(FunctionName=name)
    assert lam.publish_version(FunctionName=name, Description="same")["Version"] == "1", "nor by an update"
    functions.update(name, TELL + "# two\n")
    assert lam.publish_version(FunctionName=name)["Version"] == "2"
    lam.delete_function(FunctionName=name, Qualifier="2")
    with pytest.raises(ClientError, match="Function not found") as error:
        functions.invoke(name, Qualifier="2")
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    functions.update(name, TELL + "# three\n")
    assert lam.publish_version(FunctionName=name)["Version"] == "3"
    assert functions.invoke(name, Qualifier="1").json[0] == "1", "the others run on"
    lam.delete_function(FunctionName=name, Qualifier="2")  # once more is fine, as on AWS


def test_an_alias_shares_its_events_by_weight(functions: Any, name: str) -> None:
    lam = functions.lam
    lam.create_alias(
        FunctionName=name,
        Name="shared",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}},
    )
    ran = Counter(functions.invoke(name, Qualifier="shared").version for _ in range(40))
    assert ran.keys() == {"1", "2"}, "one version alone has a chance of 2 in 10^12"
    lam.update_alias(FunctionName=name, Name="shared", RoutingConfig={"AdditionalVersionWeights": {}})
    assert {functions.invoke(name, Qualifier="shared").version for _ in range(5)} == {"1"}


def test_an_alias_moves_and_says_what_it_was_told(functions: Any, name: str) -> None:
    lam = functions.lam
    made = lam.create_alias(FunctionName=name, Name="moving", FunctionVersion="1", Description="first")
    moved = lam.update_alias(
        FunctionName=name, Name="moving", FunctionVersion="2", RevisionId=made["RevisionId"]
    )
    assert (moved["FunctionVersion"], moved["Description"]) == ("2", "first")
    assert moved["RevisionId"] != made["RevisionId"]
    assert functions.invoke(name, Qualifier="moving").json[2] == "two"
    lam.delete_alias(FunctionName=name, Name="moving")
    with pytest.raises(ClientError, match="Function not found"):
        functions.invoke(name, Qualifier="moving")
    lam.delete_alias(FunctionName=name, Name="moving")  # once more is fine, as on AWS


def test_what_belonged_to_an_alias_goes_with_it(functions: Any, name: str) -> None:
    lam = functions.lam
    named = {"FunctionName": name, "Qualifier": "short"}
    lam.create_alias(FunctionName=name, Name="short", FunctionVersion="1")
    lam.add_permission(**named, StatementId="s", Action="lambda:InvokeFunction", Principal="*")
    lam.put_function_event_invoke_config(**named, MaximumRetryAttempts=0)
    lam.create_function_url_config(**named, AuthType="NONE")
    lam.delete_alias(FunctionName=name, Name="short")
    lam.create_alias(FunctionName=name, Name="short", FunctionVersion="1")
    for look in (lam.get_policy, lam.get_function_event_invoke_config, lam.get_function_url_config):
        with pytest.raises(ClientError) as error:
            look(**named)
        assert error.value.response["Error"]["Code"] == "ResourceNotFoundException"
    lam.delete_alias(FunctionName=name, Name="short")


def test_tags_belong_to_the_function(functions: Any) -> None:
    lam, name = functions.lam, functions.create(TELL, Tags={"a": "1", "b": "2"}, Publish=True)
    arn = f"{ARN}:{name}"
    lam.tag_resource(Resource=arn, Tags={"b": "3", "c": "4"})
    assert lam.list_tags(Resource=arn)["Tags"] == {"a": "1", "b": "3", "c": "4"}
    lam.untag_resource(Resource=arn, TagKeys=["a", "c", "none"])
    assert lam.get_function(FunctionName=name)["Tags"] == {"b": "3"}
    for action, request in (
        (lam.list_tags, {}),
        (lam.tag_resource, {"Tags": {"a": "1"}}),
        (lam.untag_resource, {"TagKeys": ["a"]}),
    ):
        with pytest.raises(ClientError, match="Tags on function aliases and versions are not supported"):
            action(Resource=f"{arn}:1", **request)
        with pytest.raises(ClientError, match="Function not found"):
            action(Resource=f"{ARN}:no-such", **request)


def test_deleting_a_function_deletes_all_of_it(functions: Any) -> None:
    lam, name = functions.lam, functions.create(TELL, Publish=True)
    lam.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    lam.add_permission(FunctionName=name, StatementId="s", Action="lambda:*", Principal="*")
    lam.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    lam.delete_function(FunctionName=name)
    for named in (name, f"{name}:1", f"{name}:live"):
        with pytest.raises(ClientError, match="Function not found"):
            lam.get_function(FunctionName=named)
    functions.create(TELL, FunctionName=name)
    assert [v["Version"] for v in lam.list_versions_by_function(FunctionName=name)["Versions"]] == ["$LATEST"]
    assert lam.list_aliases(FunctionName=name)["Aliases"] == []
    assert "ReservedConcurrentExecutions" not in lam.get_function_concurrency(FunctionName=name)
    with pytest.raises(ClientError, match="The resource you requested does not exist"):
        lam.get_policy(FunctionName=name)
