"""Deploy a Lambda function, whether it exists or not."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from musher import clock, console, names
from musher.errors import LambdaError
from musher.hooks.functions import MusherLambdaHook, move_alias, tags_of_function
from musher.links import LINKS
from musher.operators.base import MusherOperator, fail_without_retry
from musher.payloads.functions import build_code_update, build_configuration_update
from musher.payloads.tags import NEXT_TAG, PREVIOUS_TAG, RUN_TAG
from musher.results import FunctionResult
from musher.triggers.functions import FunctionReadyTrigger
from musher.triggers.waits import SUCCESS, WaitEnd

logger = logging.getLogger(__name__)

MAX_DELAY_S = 2.0
"""A function is ready within seconds, so a longer interval between two looks would only be waited out."""

UPDATE_CODE, UPDATE_CONFIGURATION, RETURN = "update_code", "update_configuration", "return"
"""What follows a wait: Lambda takes one change of a function at a time."""


class DeployFunctionOperator(MusherOperator[MusherLambdaHook]):
    """Create the function of `config`, or bring the existing one to it; let `alias` stand for that version.

    The base is AwsBaseOperator: the provider's LambdaCreateFunctionOperator fails on a retry because the
    function exists, cannot update, and waits without telling why a function failed. The provider has nothing
    for versions and aliases. A function that has not changed gets no new version: AWS answers with the one
    there is. What the alias stood for is kept in the function's tags, so that a retry and a person find it.
    """

    aws_hook_class = MusherLambdaHook
    template_fields: Sequence[str] = aws_template_fields("config")
    template_fields_renderers = {"config": "json"}  # noqa: RUF012  # the base class's own type
    ui_color = "#ff7300"
    operator_extra_links = LINKS

    def __init__(self, *, config: Any, alias: str, **kwargs: Any) -> None:
        """Take the CreateFunction request (templated, so also an earlier task's result), and a name."""
        super().__init__(**kwargs)
        self.config = config
        self.alias = alias

    def execute(self, context: Context) -> Any:
        """Return a FunctionResult; its seconds are those until the function was ready."""
        self.know_run(context)
        with fail_without_retry(config=self.config):
            started_at = clock.now()
            group = names.function_log_group(self.function_name)
            self.limit_log(group, tags=self.config.get("Tags", {}))
            if self.hook.find_function(self.function_name):
                return self.wait_until_ready(context, then=UPDATE_CODE, started_at=started_at)
            self.hook.conn.create_function(**self.config)
            logger.info("%s: function created", self.function_name)
            return self.wait_until_ready(context, then=RETURN, started_at=started_at)

    @property
    def function_name(self) -> str:
        """Return the function's name."""
        return str(self.config["FunctionName"])

    def go_on(self, context: Context, end: WaitEnd) -> Any:
        """Make the next change of the function, or return it."""
        description = self.hook.conn.get_function_configuration(FunctionName=self.function_name)
        self.check_ready(description, end)
        started_at = float(end.carried["started_at"])
        if end.carried["then"] == UPDATE_CODE:
            self.hook.conn.update_function_code(**build_code_update(self.config))
            return self.wait_until_ready(context, then=UPDATE_CONFIGURATION, started_at=started_at)
        if end.carried["then"] == UPDATE_CONFIGURATION:
            self.hook.conn.update_function_configuration(**build_configuration_update(self.config))
            logger.info("%s: function existed, code and configuration updated", self.function_name)
            return self.wait_until_ready(context, then=RETURN, started_at=started_at)
        return self.publish(description, started_at=started_at)

    def publish(self, description: Mapping[str, Any], *, started_at: float) -> FunctionResult:
        """Publish, move the alias, and return a FunctionResult with the ARN of the alias."""
        name, hook = self.function_name, self.hook
        version = str(hook.conn.publish_version(FunctionName=name)["Version"])
        alias = hook.find_alias(name, alias=self.alias)
        before = str(alias["FunctionVersion"]) if alias else None
        if alias is None or before != version:
            self.note(description, previous=before, version=version)
            alias = move_alias(hook, function_name=name, alias=self.alias, version=version)
        else:
            before = self.noted(description, version=version)
        return FunctionResult(
            function_name=name,
            function_arn=str(alias["AliasArn"]),
            alias=self.alias,
            version=version,
            previous_version=before,
            seconds=round(clock.now() - started_at, 3),
        )

    def note(self, description: Mapping[str, Any], *, previous: str | None, version: str) -> None:
        """Keep what the alias stands for before this run moves it; nothing where this run makes the alias."""
        if previous is not None:
            tags = {RUN_TAG: self.config["Tags"][RUN_TAG], PREVIOUS_TAG: previous, NEXT_TAG: version}
            self.hook.conn.tag_resource(Resource=description["FunctionArn"], Tags=tags)

    def noted(self, description: Mapping[str, Any], *, version: str) -> str | None:
        """Return what the alias stood for before this run, which finds it in place; None where it made it."""
        tags = tags_of_function(self.hook, arn=description["FunctionArn"])
        is_own = tags.get(RUN_TAG) == self.config["Tags"][RUN_TAG]
        return tags.get(PREVIOUS_TAG) if is_own else version

    def wait_until_ready(self, context: Context, *, then: str, started_at: float) -> Any:
        """Wait until the function is active and no update is under way."""
        name, log = self.function_name, (names.function_log_group(self.function_name), "")
        self.show_links(context, kind=console.FUNCTION, name=name, log=log)
        data = self.hook.get_waiter(FunctionReadyTrigger.waiter).config
        trigger = FunctionReadyTrigger(
            arguments={"FunctionName": self.function_name},
            connection=self._hook_parameters,
            delay_s=min(self.settings.poll_interval_s, MAX_DELAY_S),
            deadline=clock.now() + data.delay * data.max_attempts,
            carried={"then": then, "started_at": started_at},
        )
        return self.wait_for(context, trigger)

    def check_ready(self, description: dict[str, Any], end: WaitEnd) -> None:
        """Raise LambdaError unless the function is ready."""
        if end.outcome == SUCCESS:
            return
        name = self.function_name
        reason = description.get("StateReason") or description.get("LastUpdateStatusReason") or end.message
        raise LambdaError(
            f"Function {name} is {description.get('State')}, its last update "
            f"{description.get('LastUpdateStatus')}: {reason or 'AWS gives no reason'}. "
            f"See log group {names.function_log_group(name)}, then clear this task."
        )
