"""What is refused of a notebook instance, and what its scripts are."""

import base64
from types import SimpleNamespace
from typing import Any

import pytest
from moto.sagemaker.exceptions import AWSValidationException

from localaws.clock import ManualClock
from localaws.sagemaker.notebooks import validation, wording
from localaws.sagemaker.notebooks.lifecycle import LifecycleConfig, Script, check_hooks, summarise
from localaws.sagemaker.notebooks.validation import (
    MAX_INSTANCES,
    check_request,
    check_room,
    check_update,
)
from tests.objections import objection


def encode(text: str) -> str:
    """Return a script as a request has it."""
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def namespaces(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Let namespaces be there, or not, and roles be good."""
    supervisor = SimpleNamespace(refusal="")
    monkeypatch.setattr(validation, "current", lambda: SimpleNamespace(supervisor=supervisor))
    monkeypatch.setattr(validation, "check_role", lambda arn: None)
    return supervisor


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (
            {"VolumeSizeInGB": 4},
            "Value '4' at 'volumeSizeInGB' failed to satisfy constraint: Member must have",
        ),
        ({"VolumeSizeInGB": 16_385}, "less than or equal to 16384"),
        ({"InstanceType": "ml.t1.micro"}, "Member must satisfy enum value set: [ml.t2.medium, "),
        ({"PlatformIdentifier": "notebook-al1-v1"}, "Platform identifier (notebook-al1-v1) is not supported"),
        ({"AdditionalCodeRepositories": ["https://a/b"]}, "localaws clones no code repositories"),
    ],
    ids=["small volume", "large volume", "type", "platform", "repositories"],
)
def test_what_cannot_be_had_is_refused(
    namespaces: SimpleNamespace, request_: dict[str, Any], said: str
) -> None:
    with pytest.raises(AWSValidationException) as caught:
        check_request(request_)
    assert said in str(caught.value.message)


@pytest.mark.parametrize("size_gb", [None, 5, 16_384])
def test_volumes_of_every_size_that_aws_has_are_taken(
    namespaces: SimpleNamespace, size_gb: int | None
) -> None:
    assert objection(check_request, {"VolumeSizeInGB": size_gb, "InstanceType": "ml.g6.xlarge"}) is None


def test_without_namespaces_there_are_no_instances(namespaces: SimpleNamespace) -> None:
    namespaces.refusal = "unshare: not permitted"
    with pytest.raises(AWSValidationException, match="unshare: not permitted"):
        check_request({})


def test_an_update_must_not_contradict_itself(namespaces: SimpleNamespace) -> None:
    with pytest.raises(AWSValidationException, match="LifecycleConfigName and DisassociateLifecycleConfig"):
        check_update({"LifecycleConfigName": "a", "DisassociateLifecycleConfig": True}, volume_gb=5)
    with pytest.raises(AWSValidationException, match="VolumeSizeInGB 5 is less than the volume's 6"):
        check_update({"VolumeSizeInGB": 5}, volume_gb=6)
    check_update({"VolumeSizeInGB": 6}, volume_gb=6)


def test_the_quota_counts_what_is_on_and_of_the_type() -> None:
    def instances(status: str, kind: str = "ml.t3.medium") -> dict[str, Any]:
        one = SimpleNamespace(status=status, instance_type=kind)
        return {f"{status}-{kind}-{number}": one for number in range(MAX_INSTANCES)}

    check_room(instances("Stopped") | instances("Failed"), instance_type="ml.t3.medium")
    check_room(instances("InService", "ml.m5.xlarge"), instance_type="ml.t3.medium")
    with pytest.raises(wording.ResourceLimitExceeded) as caught:
        check_room(instances("InService"), instance_type="ml.t3.medium")
    assert "'ml.t3.medium for notebook instance usage' is 20 Instances" in str(caught.value.message)


def make(clock: ManualClock, *, on_create: str = "", on_start: str = "") -> LifecycleConfig:
    """Return a configuration of these scripts."""
    create, start = ([{"Content": encode(text)}] if text else None for text in (on_create, on_start))
    place = {"account_id": "123456789012", "region_name": "us-east-1"}
    return LifecycleConfig(now=clock.now, name="config", on_create=create, on_start=start, **place)


def test_on_create_runs_once_and_before_on_start() -> None:
    config = make(ManualClock(), on_create="first", on_start="each")
    first = Script(hook="LifecycleConfigOnCreate", content=encode("first"))
    each = Script(hook="LifecycleConfigOnStart", content=encode("each"))
    assert config.scripts(is_new=True) == [first, each]
    assert config.scripts(is_new=False) == [each]
    assert make(ManualClock()).scripts(is_new=True) == []


def test_line_breaks_in_base64_are_taken_out() -> None:
    config = make(ManualClock())
    content = encode("#!/bin/sh\n" * 20)
    config.on_start = [{"Content": f"{content[:76]}\n{content[76:]}\n"}]
    check_hooks(on_create=None, on_start=config.on_start)
    assert [script.content for script in config.scripts(is_new=False)] == [content]


def test_an_update_keeps_the_hook_that_it_does_not_name() -> None:
    clock = ManualClock()
    config = make(clock, on_create="first", on_start="each")
    clock.advance(5)
    config.replace(on_create=[], on_start=None, now=clock.now())
    assert config.response_object["OnCreate"] == []
    assert len(config.response_object["OnStart"]) == 1
    assert (config.last_modified_time - config.creation_time).total_seconds() == 5
    assert {"OnCreate", "OnStart"} & set(summarise(config)) == set()


@pytest.mark.parametrize("content", ["no base64!", "YQ", "ä"], ids=["words", "padding", "umlaut"])
def test_scripts_that_are_no_base64_are_refused(content: str) -> None:
    with pytest.raises(AWSValidationException, match="OnStart: Content must be a shell script"):
        check_hooks(on_create=[], on_start=[{"Content": content}])


def test_a_script_that_fails_is_told_with_its_code() -> None:
    found = wording.hook_failed(config_arn="arn:c", arn="arn:i", hook="LifecycleConfigOnStart", code=3)
    assert found.endswith("Internet access. (localaws: LifecycleConfigOnStart ended with exit code 3.)")
    late = wording.hook_failed(config_arn="arn:c", arn="arn:i", hook="LifecycleConfigOnStart", code=None)
    assert late == found.partition(" (localaws")[0]
