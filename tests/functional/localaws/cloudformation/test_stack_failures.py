"""Stacks whose resources are refused: taken back, deleted or left, as the request wants it; and updates."""

import json
import uuid
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

REFUSED = {"Type": "AWS::SageMaker::Endpoint", "Properties": {"EndpointConfigName": "no-such-config"}}


@pytest.fixture
def name() -> str:
    """Return a stack's name."""
    return f"failures-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def client(localaws: Any) -> Any:
    """Return a client of CloudFormation."""
    return localaws.client("cloudformation")


def group(name: str, *, days: int = 30, **more: Any) -> dict[str, Any]:
    """Return a log group."""
    return {
        "Type": "AWS::Logs::LogGroup",
        "Properties": {"LogGroupName": f"/{name}", "RetentionInDays": days},
        **more,
    }


def queue(name: str, **properties: Any) -> dict[str, Any]:
    """Return a queue."""
    return {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name, **properties}}


def template(**resources: Any) -> str:
    """Return a template of resources, whose output is the first one's name."""
    output = {"Value": {"Ref": next(iter(resources))}}
    return json.dumps({"Resources": resources, "Outputs": {"First": output}})


def events(client: Any, stack: str) -> list[tuple[str, str]]:
    """Return which resource went into which state, the oldest first; the stack itself is `stack`."""
    found = client.describe_stack_events(StackName=stack)["StackEvents"]
    return [
        (
            "stack" if event["ResourceType"] == "AWS::CloudFormation::Stack" else event["LogicalResourceId"],
            event["ResourceStatus"],
        )
        for event in reversed(found)
    ]


def describe(client: Any, stack: str) -> dict[str, Any]:
    """Return a stack."""
    (found,) = client.describe_stacks(StackName=stack)["Stacks"]
    return dict(found)


def retention(localaws: Any, name: str) -> list[int]:
    """Return the days that a group's events are kept; nothing where there is no group."""
    groups = localaws.client("logs").describe_log_groups(logGroupNamePrefix=f"/{name}")["logGroups"]
    return [found["retentionInDays"] for found in groups]


def has_queue(localaws: Any, name: str) -> bool:
    """Return whether there is a queue."""
    return bool(localaws.client("sqs").list_queues(QueueNamePrefix=name).get("QueueUrls"))


def test_a_stack_that_shall_be_left_keeps_what_was_made(localaws: Any, client: Any, name: str) -> None:
    body = template(Group=group(name), Endpoint={**REFUSED, "DependsOn": "Group"})
    client.create_stack(StackName=name, TemplateBody=body, OnFailure="DO_NOTHING")
    assert describe(client, name)["StackStatus"] == "CREATE_FAILED"
    assert retention(localaws, name) == [30]
    (resource,) = client.describe_stack_resources(StackName=name)["StackResources"]
    assert resource["LogicalResourceId"] == "Group"
    assert events(client, name)[-2:] == [("Endpoint", "CREATE_FAILED"), ("stack", "CREATE_FAILED")]
    client.delete_stack(StackName=name)
    assert retention(localaws, name) == []


def test_a_stack_s_name_has_no_underscores(client: Any) -> None:
    with pytest.raises(ClientError) as caught:
        client.create_stack(StackName="my_stack", TemplateBody=template(Group=group("g")))
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    assert caught.value.response["Error"]["Message"] == (
        "1 validation error detected: Value 'my_stack' at 'stackName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
    )


def test_disable_rollback_is_an_older_word_for_it(client: Any, name: str) -> None:
    client.create_stack(StackName=name, TemplateBody=template(Endpoint=REFUSED), DisableRollback=True)
    assert describe(client, name)["StackStatus"] == "CREATE_FAILED"


def test_a_stack_that_shall_be_deleted_is_found_by_its_id_only(localaws: Any, client: Any, name: str) -> None:
    body = template(Group=group(name), Endpoint={**REFUSED, "DependsOn": "Group"})
    stack = client.create_stack(StackName=name, TemplateBody=body, OnFailure="DELETE")["StackId"]
    assert describe(client, stack)["StackStatus"] == "DELETE_COMPLETE"
    assert events(client, stack)[-3:] == [
        ("Endpoint", "CREATE_FAILED"),
        ("stack", "DELETE_IN_PROGRESS"),
        ("stack", "DELETE_COMPLETE"),
    ]
    assert retention(localaws, name) == []
    with pytest.raises(ClientError, match=f"Stack with id {name} does not exist"):
        client.describe_stacks(StackName=name)
    client.create_stack(StackName=name, TemplateBody=template(Group=group(name)))
    assert describe(client, name)["StackStatus"] == "CREATE_COMPLETE"


def test_two_wishes_at_once_are_refused(client: Any, name: str) -> None:
    with pytest.raises(ClientError, match="either DisableRollback or OnFailure, but not both") as caught:
        client.create_stack(
            StackName=name, TemplateBody=template(G=group(name)), OnFailure="DELETE", DisableRollback=True
        )
    assert caught.value.response["Error"]["Code"] == "ValidationError"


def test_what_is_not_built_is_refused_and_not_passed_over(client: Any, name: str) -> None:
    with pytest.raises(ClientError, match="localaws does not know RetainExceptOnCreate"):
        client.create_stack(StackName=name, TemplateBody=template(G=group(name)), RetainExceptOnCreate=True)
    with pytest.raises(ClientError, match="does not exist"):
        client.describe_stacks(StackName=name)


@pytest.fixture
def stack(localaws: Any, client: Any, name: str) -> str:
    """Return a stack of a log group and a queue."""
    client.create_stack(
        StackName=name, TemplateBody=template(Group=group(name), Queue=queue(name, DelaySeconds=1))
    )
    return name


def test_an_update_changes_makes_and_deletes_in_awss_order(localaws: Any, client: Any, stack: str) -> None:
    seen = len(events(client, stack))
    body = template(Group=group(stack, days=60), Other=queue(f"other-{stack}"))
    client.update_stack(StackName=stack, TemplateBody=body)
    found = events(client, stack)[seen:]
    assert found[0] == ("stack", "UPDATE_IN_PROGRESS")
    assert sorted(found[1:5]) == [
        ("Group", "UPDATE_COMPLETE"),
        ("Group", "UPDATE_IN_PROGRESS"),
        ("Other", "CREATE_COMPLETE"),
        ("Other", "CREATE_IN_PROGRESS"),
    ]
    assert found[5:] == [
        ("stack", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("Queue", "DELETE_COMPLETE"),
        ("stack", "UPDATE_COMPLETE"),
    ]
    assert retention(localaws, stack) == [60]
    assert (has_queue(localaws, stack), has_queue(localaws, f"other-{stack}")) == (False, True)


def test_an_update_that_fails_is_taken_back(localaws: Any, client: Any, stack: str) -> None:
    """Changed resources are as they were, new ones are gone, and those that were to go have stayed."""
    seen = len(events(client, stack))
    new = queue(f"other-{stack}")
    body = template(
        Group=group(stack, days=60), Other=new, Endpoint={**REFUSED, "DependsOn": ["Group", "Other"]}
    )
    client.update_stack(StackName=stack, TemplateBody=body)
    found = describe(client, stack)
    assert found["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert found["Outputs"] == [{"OutputKey": "First", "OutputValue": f"/{stack}"}]
    assert retention(localaws, stack) == [30]
    assert (has_queue(localaws, stack), has_queue(localaws, f"other-{stack}")) == (True, False)
    told = events(client, stack)[seen:]
    assert told[told.index(("Endpoint", "CREATE_FAILED")) :] == [
        ("Endpoint", "CREATE_FAILED"),
        ("stack", "UPDATE_ROLLBACK_IN_PROGRESS"),
        ("Group", "UPDATE_IN_PROGRESS"),
        ("Group", "UPDATE_COMPLETE"),
        ("stack", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("Other", "DELETE_COMPLETE"),
        ("stack", "UPDATE_ROLLBACK_COMPLETE"),
    ]
    reasons = [
        event["ResourceStatusReason"]
        for event in client.describe_stack_events(StackName=stack)["StackEvents"]
        if event["ResourceStatus"] == "UPDATE_ROLLBACK_IN_PROGRESS"
    ]
    assert reasons == ["The following resource(s) failed to create: [Endpoint]. "]


def test_a_stack_that_was_taken_back_can_be_updated_again(localaws: Any, client: Any, stack: str) -> None:
    client.update_stack(StackName=stack, TemplateBody=template(Group=group(stack), Endpoint=REFUSED))
    client.update_stack(StackName=stack, TemplateBody=template(Group=group(stack, days=7)))
    assert describe(client, stack)["StackStatus"] == "UPDATE_COMPLETE"
    assert retention(localaws, stack) == [7]
    assert not has_queue(localaws, stack)


def test_an_update_that_shall_be_left_stays_where_it_failed(localaws: Any, client: Any, stack: str) -> None:
    body = template(Group=group(stack, days=60), Endpoint={**REFUSED, "DependsOn": "Group"})
    client.update_stack(StackName=stack, TemplateBody=body, DisableRollback=True)
    assert describe(client, stack)["StackStatus"] == "UPDATE_FAILED"
    assert retention(localaws, stack) == [60]


def test_a_resource_cannot_become_one_of_another_type(localaws: Any, client: Any, stack: str) -> None:
    with pytest.raises(ClientError, match=r"modifies resource type of the following resources: \[Queue\]"):
        client.update_stack(
            StackName=stack, TemplateBody=template(Group=group(stack), Queue=group(f"q-{stack}"))
        )
    assert describe(client, stack)["StackStatus"] == "CREATE_COMPLETE"
    assert (
        client.get_template(StackName=stack)["TemplateBody"]["Resources"]["Queue"]["Type"]
        == "AWS::SQS::Queue"
    )


def test_a_resource_to_be_retained_outlives_its_place_in_the_template(
    localaws: Any, client: Any, name: str
) -> None:
    kept = group(name, DeletionPolicy="Retain")
    client.create_stack(StackName=name, TemplateBody=template(Queue=queue(name), Group=kept))
    client.update_stack(StackName=name, TemplateBody=template(Queue=queue(name)))
    assert retention(localaws, name) == [30]


def test_a_condition_that_changes_makes_and_deletes_its_resource(
    localaws: Any, client: Any, name: str
) -> None:
    body = json.dumps(
        {
            "Parameters": {"With": {"Type": "String", "Default": "no"}},
            "Conditions": {"HasQueue": {"Fn::Equals": [{"Ref": "With"}, "yes"]}},
            "Resources": {"Group": group(name), "Queue": {**queue(name), "Condition": "HasQueue"}},
        }
    )
    client.create_stack(StackName=name, TemplateBody=body)
    found = [has_queue(localaws, name)]
    for wanted in ("yes", "no"):
        parameters = [{"ParameterKey": "With", "ParameterValue": wanted}]
        client.update_stack(StackName=name, UsePreviousTemplate=True, Parameters=parameters)
        found.append(has_queue(localaws, name))
    assert found == [False, True, False]


def test_stock_moto_leaves_a_failed_update_half_done() -> None:
    with mock_aws():
        client = boto3.client("cloudformation", region_name="us-east-1")
        client.create_stack(StackName="s", TemplateBody=template(Group=group("s"), Queue=queue("s")))
        with pytest.raises(Exception, match=r".+"):
            client.update_stack(StackName="s", TemplateBody=template(Group=group("s"), Endpoint=REFUSED))
        assert "QueueUrls" not in boto3.client("sqs", region_name="us-east-1").list_queues()


def test_stock_moto_takes_any_name_of_a_stack() -> None:
    with mock_aws():
        client = boto3.client("cloudformation", region_name="us-east-1")
        client.create_stack(StackName="my_stack", TemplateBody=template(Group=group("g")))
        assert client.describe_stacks(StackName="my_stack")["Stacks"]


def test_stock_moto_passes_over_what_shall_become_of_a_failure() -> None:
    with mock_aws():
        client = boto3.client("cloudformation", region_name="us-east-1")
        client.create_stack(
            StackName="s", TemplateBody=template(G=group("s")), OnFailure="DELETE", DisableRollback=True
        )
        assert client.describe_stacks()["Stacks"]
