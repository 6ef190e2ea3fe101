"""Deploy a Lambda function, whether it exists or not."""

import logging
import time
from collections.abc import Sequence
from typing import Any

from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from musher import console, names
from musher.errors import LambdaError
from musher.hooks.functions import MusherLambdaHook
from musher.hooks.waits import wait_until
from musher.links import LINKS, show_links
from musher.operators.base import InstallationMixin, fail_without_retry
from musher.payloads.functions import build_code_update, build_configuration_update

logger = logging.getLogger(__name__)


class DeployFunctionOperator(InstallationMixin, AwsBaseOperator[MusherLambdaHook]):
    """Create the function of `config`, or bring the existing one to it; wait until it can be invoked.

    Stands in for the provider's LambdaCreateFunctionOperator, which fails on a retry because the function
    exists, cannot update, and waits without telling why a function failed.
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

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the function's name and ARN, and the seconds until it was ready."""
        started = time.monotonic()
        name = str(self.config["FunctionName"])
        with fail_without_retry():
            if self.hook.find_function(name):
                self.update(name)
            else:
                self.hook.conn.create_function(**self.config)
                logger.info("%s: function created", name)
            log = (names.function_log_group(name), "")
            show_links(context, client=self.hook.conn, page=console.function, name=name, log=log)
            description = self.wait_ready(name)
        return {
            "function_name": name,
            "function_arn": description["FunctionArn"],
            "seconds": round(time.monotonic() - started, 3),
        }

    def update(self, name: str) -> None:
        """Bring code and configuration of the existing function to the request; one update at a time."""
        self.wait_ready(name)
        self.hook.conn.update_function_code(**build_code_update(self.config))
        self.wait_ready(name)
        self.hook.conn.update_function_configuration(**build_configuration_update(self.config))
        logger.info("%s: function existed, code and configuration updated", name)

    def wait_ready(self, name: str) -> dict[str, Any]:
        """Wait until the function is active and no update is under way; return its configuration."""
        is_ready = wait_until(
            self.hook.get_waiter("FunctionReady"),
            arguments={"FunctionName": name},
            delay_s=min(self.settings.poll_interval_s, 2.0),
        )
        description: dict[str, Any] = self.hook.conn.get_function_configuration(FunctionName=name)
        if not is_ready:
            reason = description.get("StateReason") or description.get("LastUpdateStatusReason")
            raise LambdaError(
                f"Function {name} is {description.get('State')}, its last update "
                f"{description.get('LastUpdateStatus')}: {reason or 'AWS gives no reason'}. "
                f"See log group {names.function_log_group(name)}, then clear this task."
            )
        return description
