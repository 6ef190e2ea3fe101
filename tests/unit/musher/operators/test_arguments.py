"""Every argument of an operator works or is refused: none is taken and forgotten."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import TaskDeferred

from musher.operators import base
from musher.operators.base import MusherOperator
from musher.operators.endpoints import DeployEndpointOperator
from musher.operators.functions import DeployFunctionOperator
from musher.operators.images import BuildImageOperator
from musher.operators.notebooks import DeleteNotebookOperator, StartNotebookOperator, StopNotebookOperator
from musher.operators.processing import RunProcessingJobOperator
from musher.operators.training import RunTrainingJobOperator
from musher.operators.transform import RunTransformJobOperator
from musher.operators.tuning import RunTuningJobOperator
from musher.settings import Settings
from tests.unit.musher.operators.fake_jobs import FakeTraining
from tests.unit.musher.operators.fakes import FakeTask

OPERATORS: list[type[MusherOperator[Any]]] = [
    BuildImageOperator,
    DeleteNotebookOperator,
    DeployEndpointOperator,
    DeployFunctionOperator,
    RunProcessingJobOperator,
    RunTrainingJobOperator,
    RunTransformJobOperator,
    RunTuningJobOperator,
    StartNotebookOperator,
    StopNotebookOperator,
]
OWN: dict[type[MusherOperator[Any]], set[str]] = {
    BuildImageOperator: set(),
    DeleteNotebookOperator: {"name"},
    StopNotebookOperator: {"name"},
    DeployFunctionOperator: {"config", "alias"},
    RunTrainingJobOperator: {"config", "marker"},
}
"""Arguments of an operator of ours, where they are not `config` alone."""

PROVIDERS_OWN = [
    "action_if_job_exists",
    "action_if_endpoint_exists",
    "create_instance_kwargs",
    "instance_name",
    "check_if_job_exists",
    "check_interval",
    "max_attempts",
    "max_ingestion_time",
    "operation",
    "print_log",
    "wait_for_completion",
    "waiter_delay",
    "waiter_max_attempts",
]
"""Arguments of the provider's operators for the same things, which ours do not have."""


def parameters(operator: type[Any]) -> set[str]:
    """Return the arguments that a class and its bases up to BaseOperator name."""
    bases = operator.__mro__[: operator.__mro__.index(BaseOperator)]
    named = [inspect.signature(found.__init__).parameters for found in bases if "__init__" in vars(found)]
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return {name for found in named for name, it in found.items() if it.kind not in kinds} - {"self"}


@pytest.mark.parametrize("operator", OPERATORS)
def test_these_are_all_arguments_of_an_operator(operator: type[MusherOperator[Any]]) -> None:
    """A new one, of ours or of the provider, comes with its test below."""
    inherited = {"aws_conn_id", "region_name", "verify", "botocore_config", "region"}
    assert parameters(AwsBaseOperator) == inherited
    assert parameters(operator) == inherited | {"deferrable"} | OWN.get(operator, {"config"})


def make(operator: type[MusherOperator[Any]], **arguments: Any) -> MusherOperator[Any]:
    """Return an operator with what it must have, and these arguments."""
    values = {"config": {}, "alias": "live", "name": "notebook"}
    needed = {name: values[name] for name in OWN.get(operator, {"config"}) & set(values)}
    return operator(task_id="a", **needed, **arguments)


@pytest.fixture
def hook_parameters(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Return a function that says what an operator with these arguments makes its hooks with."""

    def chosen(settings: Settings, *, aws_conn_id: str | None, region_name: str | None) -> dict[str, Any]:
        return {"aws_conn_id": aws_conn_id or "installation's", "region_name": region_name or "its own"}

    monkeypatch.setattr(base, "hook_parameters", chosen)

    def made(operator: type[MusherOperator[Any]], **arguments: Any) -> dict[str, Any]:
        found = make(operator, **arguments)
        found.__dict__["settings"] = settings
        return found._hook_parameters

    return made


@pytest.mark.parametrize("operator", OPERATORS)
def test_connection_region_and_client_options_are_used_for_every_hook(
    operator: type[MusherOperator[Any]], hook_parameters: Callable[..., dict[str, Any]]
) -> None:
    assert hook_parameters(operator) == {
        "aws_conn_id": "installation's",
        "region_name": "its own",
        "verify": None,
        "config": None,
    }
    options = {"verify": "/ca.pem", "botocore_config": {"read_timeout": 5}}
    assert hook_parameters(operator, aws_conn_id="mine", region_name="eu-west-1", **options) == {
        "aws_conn_id": "mine",
        "region_name": "eu-west-1",
        "verify": "/ca.pem",
        "config": {"read_timeout": 5},
    }


@pytest.mark.parametrize("operator", OPERATORS)
def test_the_deprecated_region_is_refused_with_the_word_to_use(operator: type[MusherOperator[Any]]) -> None:
    with pytest.raises(TypeError, match="region='eu-west-1': say region_name"):
        make(operator, region="eu-west-1")


@pytest.mark.parametrize("argument", PROVIDERS_OWN)
@pytest.mark.parametrize("operator", OPERATORS)
def test_what_the_providers_operators_take_and_ours_do_not_is_refused(
    operator: type[MusherOperator[Any]], argument: str
) -> None:
    with pytest.raises(TypeError, match=argument):
        make(operator, **{argument: 1})


@pytest.mark.parametrize("operator", OPERATORS)
def test_deferrable_is_airflows_default_unless_given(
    operator: type[MusherOperator[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert make(operator).deferrable is False
    assert make(operator, deferrable=True).deferrable is True
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", "True")
    assert make(operator).deferrable is True
    assert make(operator, deferrable=False).deferrable is False


def test_a_deferred_wait_has_the_same_connection_interval_and_bound(
    make_operator: Callable[..., RunTrainingJobOperator], aws: FakeTraining, airflow_task: FakeTask
) -> None:
    operator = make_operator(deferrable=True, verify=False, botocore_config={"read_timeout": 5})
    with pytest.raises(TaskDeferred) as wait:
        operator.execute(airflow_task.context())
    _, arguments = wait.value.trigger.serialize()
    assert arguments["connection"] == {
        "aws_conn_id": "aws_default",
        "region_name": "us-east-1",
        "verify": False,
        "config": {"read_timeout": 5},
    }
    assert arguments["delay_s"] == 10
    assert wait.value.timeout.total_seconds() == 60 + 3600 + base.DEFERRAL_GRACE_S


@pytest.mark.parametrize("operator", OPERATORS)
def test_no_lineage_is_claimed_from_attributes_that_are_never_set(operator: type[Any]) -> None:
    assert not hasattr(operator, "get_openlineage_facets_on_complete")
    assert not hasattr(operator, "get_openlineage_facets_on_start")
