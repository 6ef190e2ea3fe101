"""Lambda hook with Musher's waits."""

import logging
from collections.abc import Mapping
from os import PathLike
from typing import Any

from airflow.providers.amazon.aws.hooks.lambda_function import LambdaHook

from musher.hooks.answers import WholeAnswers
from musher.hooks.sagemaker import found_or_none
from musher.hooks.waits import WAITERS

logger = logging.getLogger(__name__)


class MusherLambdaHook(WholeAnswers, LambdaHook):
    """Add waits as data and a search for a function to the provider's hook."""

    @property
    def waiter_path(self) -> PathLike[str]:
        """Return the file of Musher's own Lambda waiters."""
        return WAITERS / "lambda.json"

    def find_function(self, name: str) -> dict[str, Any] | None:
        """Return GetFunctionConfiguration's answer, or None."""
        return found_or_none(self.conn.get_function_configuration, FunctionName=name)

    def find_alias(self, name: str, *, alias: str) -> dict[str, Any] | None:
        """Return GetAlias's answer, or None."""
        return found_or_none(self.conn.get_alias, FunctionName=name, Name=alias)


class WitnessLambdaHook(MusherLambdaHook):
    """Keep the last answer of Invoke: the provider's operator hands on its payload alone."""

    last_answer: Mapping[str, Any] | None = None

    def invoke_lambda(self, **arguments: Any) -> Any:
        """Invoke as the provider does."""
        self.last_answer = None
        self.last_answer = super().invoke_lambda(**arguments)
        return self.last_answer


def tags_of_function(hook: MusherLambdaHook, *, arn: str) -> dict[str, str]:
    """Return a function's tags."""
    tags: dict[str, str] = hook.conn.list_tags(Resource=arn)["Tags"]
    return tags


def weights_of(alias: Mapping[str, Any] | None) -> dict[str, float]:
    """Return version -> share of the calls that an alias gives to further versions, 0 to 1."""
    routing = (alias or {}).get("RoutingConfig") or {}
    return dict(routing.get("AdditionalVersionWeights") or {})


def move_alias(hook: MusherLambdaHook, *, function_name: str, alias: str, version: str) -> dict[str, Any]:
    """Let an alias stand for a version and for no other; create it where there is none."""
    if hook.find_alias(function_name, alias=alias) is None:
        answer = hook.conn.create_alias(FunctionName=function_name, Name=alias, FunctionVersion=version)
    else:
        answer = hook.conn.update_alias(
            FunctionName=function_name,
            Name=alias,
            FunctionVersion=version,
            RoutingConfig={"AdditionalVersionWeights": {}},
        )
    logger.info("%s: alias %s stands for version %s", function_name, alias, version)
    moved: dict[str, Any] = answer
    return moved


def remove_function(hook: MusherLambdaHook, *, name: str) -> bool:
    """Delete a function; return whether there was one."""
    if hook.find_function(name) is None:
        return False
    found_or_none(hook.conn.delete_function, FunctionName=name)
    logger.info("%s: removed function", name)
    return True
