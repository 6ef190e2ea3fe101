"""What may be asked of a notebook instance in which state, and how it is listed, changed and told of."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sagemaker_jobs import wait_until

pytestmark = pytest.mark.timeout(600)  # a server starts in seconds, or in many where all cores are busy


@pytest.fixture(scope="module")
def failed(notebooks: Any) -> str:
    """Return an instance that has failed; it starts in no time."""
    config = notebooks.configure(on_start="#!/bin/sh\nexit 1\n")
    name: str = notebooks.create(LifecycleConfigName=config)
    notebooks.wait(name, "Failed")
    return name


def refusal(call: Callable[..., Any], **arguments: Any) -> str:
    """Return what AWS says against a call."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] in ("ValidationException", "ResourceLimitExceeded")
    return str(caught.value.response["Error"]["Message"])


def test_it_is_described_as_on_aws(notebooks: Any, failed: str) -> None:
    found = notebooks.describe(failed)
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:notebook-instance/{failed}"
    assert found["NotebookInstanceArn"] == arn
    assert found["Url"] == f"{failed}.notebook.us-east-1.sagemaker.aws"
    assert found["VolumeSizeInGB"] == 5
    assert found["PlatformIdentifier"] == "notebook-al2023-v1"
    assert (found["DirectInternetAccess"], found["RootAccess"]) == ("Enabled", "Enabled")
    assert not {"SubnetId", "KmsKeyId", "DefaultCodeRepository", "SecurityGroups"} & set(found)


def test_each_action_has_its_states(notebooks: Any, failed: str, running: str) -> None:
    sagemaker = notebooks.sagemaker
    for name, call, allowed, wanted in (
        (failed, sagemaker.stop_notebook_instance, "[InService]", "Stopping"),
        (running, sagemaker.start_notebook_instance, "[Stopped, Failed]", "Pending"),
        (running, sagemaker.delete_notebook_instance, "[Stopped, Failed]", "Deleting"),
        (running, sagemaker.update_notebook_instance, "[Stopped, Failed]", "Updating"),
    ):
        found = notebooks.describe(name)
        status, arn = found["NotebookInstanceStatus"], found["NotebookInstanceArn"]
        assert refusal(call, NotebookInstanceName=name) == (
            f"Status ({status}) not in ({allowed}). Unable to transition to ({wanted}) "
            f"for Notebook Instance ({arn})."
        )


def test_one_that_is_missing_is_not_found(notebooks: Any) -> None:
    for action in ("describe", "start", "stop", "delete", "update"):
        call = getattr(notebooks.sagemaker, f"{action}_notebook_instance")
        assert refusal(call, NotebookInstanceName="none") == "RecordNotFound"
    assert refusal(notebooks.url, name="none") == "RecordNotFound"


def test_what_cannot_be_is_refused_before_anything_starts(notebooks: Any, failed: str) -> None:
    arn = notebooks.describe(failed)["NotebookInstanceArn"]
    assert refusal(notebooks.create, name=failed) == f"Cannot create a duplicate Notebook Instance ({arn})"
    assert "does not exist" in refusal(notebooks.create, LifecycleConfigName="none")
    assert "clones no code" in refusal(notebooks.create, DefaultCodeRepository="https://github.com/a/b")
    assert "Could not assume role" in refusal(
        notebooks.create, RoleArn="arn:aws:iam::123456789012:role/none-such"
    )
    assert "(notebook-al2-v1) is not supported" in refusal(
        notebooks.create, PlatformIdentifier="notebook-al2-v1"
    )
    assert "enum value set" in refusal(notebooks.create, InstanceType="ml.none.large")
    assert "less than or equal to 16384" in refusal(notebooks.create, VolumeSizeInGB=20_000)


def test_an_update_is_kept_and_a_volume_grows_only(notebooks: Any, failed: str) -> None:
    update = notebooks.sagemaker.update_notebook_instance
    update(NotebookInstanceName=failed, InstanceType="ml.m5.xlarge", VolumeSizeInGB=9)
    found = notebooks.wait(failed, "Stopped")
    assert (found["InstanceType"], found["VolumeSizeInGB"]) == ("ml.m5.xlarge", 9)
    assert "less than the volume's 9" in refusal(update, NotebookInstanceName=failed, VolumeSizeInGB=8)
    assert "cannot be given together" in refusal(
        update, NotebookInstanceName=failed, LifecycleConfigName="a", DisassociateLifecycleConfig=True
    )
    update(NotebookInstanceName=failed, DisassociateLifecycleConfig=True)
    assert "NotebookInstanceLifecycleConfigName" not in notebooks.wait(failed, "Stopped")


def test_lists_are_filtered_sorted_and_cut(notebooks: Any) -> None:
    config, mark = notebooks.configure(on_start="#!/bin/sh\nexit 1\n"), uuid.uuid4().hex[:8]
    names = [notebooks.create(name=f"list-{mark}-{end}", LifecycleConfigName=config) for end in "bac"]
    for name in names:
        notebooks.wait(name, "Failed")
    assert notebooks.names(NameContains=mark, PaginationConfig={"PageSize": 2}) == sorted(names)
    assert notebooks.names(NameContains=mark, SortBy="CreationTime", SortOrder="Descending") == names[::-1]
    contains = "NotebookInstanceLifecycleConfigNameContains"
    assert notebooks.names(**{contains: config}, StatusEquals="Failed") == sorted(names)
    assert notebooks.names(**{contains: config}, StatusEquals="Stopped") == []
    for name in names:
        notebooks.delete(name)
    assert notebooks.names(NameContains=mark) == []


def test_tags_are_kept_and_replaced(notebooks: Any, failed: str) -> None:
    sagemaker, arn = notebooks.sagemaker, notebooks.describe(failed)["NotebookInstanceArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "3"}])
    found = sagemaker.list_tags(ResourceArn=arn)["Tags"]
    assert sorted((tag["Key"], tag["Value"]) for tag in found) == [("a", "3"), ("b", "2")]
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a"])
    assert [tag["Key"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]] == ["b"]


def test_configurations_are_created_changed_listed_and_deleted(notebooks: Any) -> None:
    sagemaker, name = notebooks.sagemaker, notebooks.configure(on_start="#!/bin/sh\n")
    describe = sagemaker.describe_notebook_instance_lifecycle_config
    first = describe(NotebookInstanceLifecycleConfigName=name)
    assert (first["OnCreate"], len(first["OnStart"])) == ([], 1)
    sagemaker.update_notebook_instance_lifecycle_config(
        NotebookInstanceLifecycleConfigName=name, OnCreate=[{"Content": "bHM="}]
    )
    then = describe(NotebookInstanceLifecycleConfigName=name)
    assert then["OnCreate"] == [{"Content": "bHM="}]
    assert then["OnStart"] == first["OnStart"]
    assert then["LastModifiedTime"] > then["CreationTime"]
    listed = sagemaker.list_notebook_instance_lifecycle_configs(NameContains=name)
    (entry,) = listed["NotebookInstanceLifecycleConfigs"]
    assert set(entry) == {
        "NotebookInstanceLifecycleConfigName",
        "NotebookInstanceLifecycleConfigArn",
        "CreationTime",
        "LastModifiedTime",
    }
    arn = entry["NotebookInstanceLifecycleConfigArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "1"}]
    create = sagemaker.create_notebook_instance_lifecycle_config
    assert "already exists" in refusal(create, NotebookInstanceLifecycleConfigName=name)
    sagemaker.delete_notebook_instance_lifecycle_config(NotebookInstanceLifecycleConfigName=name)
    assert "does not exist" in refusal(describe, NotebookInstanceLifecycleConfigName=name)
    assert "base64" in refusal(
        create, NotebookInstanceLifecycleConfigName=name, OnStart=[{"Content": "no base64!"}]
    )
    assert "length less than or equal to 16384" in refusal(
        create, NotebookInstanceLifecycleConfigName=name, OnStart=[{"Content": "a" * 16_385}]
    )


def test_each_state_is_told_to_eventbridge(notebooks: Any) -> None:
    events, sqs = notebooks.aws.client("events"), notebooks.aws.client("sqs")
    name = f"told-{uuid.uuid4().hex[:8]}"
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"detail-type": ["SageMaker Notebook Instance State Change"]}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    notebooks.create(name=name, LifecycleConfigName=notebooks.configure(on_start="#!/bin/sh\nexit 1\n"))
    notebooks.wait(name, "Failed")
    notebooks.delete(name)
    told: list[str] = []

    def are_told() -> bool:
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        details = [json.loads(message["Body"])["detail"] for message in messages]
        told.extend(one["NotebookInstanceStatus"] for one in details if one["NotebookInstanceName"] == name)
        return "Deleting" in told

    wait_until(are_told, timeout_s=30, describe=lambda: told)
    assert set(told) == {"Pending", "Failed", "Deleting"}
    events.remove_targets(Rule=name, Ids=["queue"])
    events.delete_rule(Name=name)
