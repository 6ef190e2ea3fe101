"""Deploy a Lambda function, whether it exists or not."""

import logging
from collections.abc import Sequence
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from musher import clock, console, names
from musher.errors import LambdaError
from musher.hooks.functions import MusherLambdaHook
from musher.links import LINKS
from musher.operators.base import MusherOperator, fail_without_retry
from musher.payloads.functions import build_code_update, build_configuration_update
from musher.triggers.functions import FunctionReadyTrigger
from musher.triggers.waits import SUCCESS, WaitEnd

logger = logging.getLogger(__name__)

MAX_DELAY_S = 2.0
"""A function is ready within seconds, so a longer interval between two looks would only be waited out."""

UPDATE_CODE, UPDATE_CONFIGURATION, RETURN = "update_code", "update_configuration", "return"
"""What follows a wait: Lambda takes one change of a function at a time."""


class DeployFunctionOperator(MusherOperator[MusherLambdaHook]):
    """Create the function of `config`, or bring the existing one to it; wait until it can be invoked.

    The base is AwsBaseOperator: the provider's LambdaCreateFunctionOperator fails on a retry because the
    function exists, cannot update, and waits without telling why a function failed.
    """

    aws_hook_class = MusherLambdaHook
    template_fields: Sequence[str] = aws_template_fields("config")
    template_fields_renderers = {"config": "json"}  # noqa: RUF012  # the base class's own type
    ui_color = "#ff7300"
    operator_extra_links = LINKS

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        """Take the CreateFunction request (templated, so also an earlier task's result)."""
        super().__init__(**kwargs)
        self.config = config

    def execute(self, context: Context) -> Any:
        """Return the function's name and ARN, and the seconds until it was ready."""
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
        return {
            "function_name": self.function_name,
            "function_arn": description["FunctionArn"],
            "seconds": round(clock.now() - started_at, 3),
        }

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
