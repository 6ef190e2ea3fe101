"""Wait until somebody approves a model's version in the registry."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from musher import clock
from musher.errors import GateError
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.operators.base import MusherOperator, fail_without_retry
from musher.payloads.approval import APPROVED, PENDING, REJECTED, build_verdict, own_reason
from musher.triggers.approvals import ApprovalTrigger
from musher.triggers.waits import TIMEOUT, WaitEnd

logger = logging.getLogger(__name__)


class AwaitApprovalOperator(MusherOperator[MusherSageMakerHook]):
    """Return the verdict `config` once its version is approved; fail where it is rejected.

    The base is AwsBaseOperator: the provider has nothing that waits for a model package. The place where a
    version is judged is the registry, so that whoever judges needs no access to Airflow. A version that the
    gate itself has approved passes at once. A version that nobody judges within the waiter's bound is
    rejected, so that the next run does not ask for the same again.
    """

    aws_hook_class = MusherSageMakerHook
    template_fields: Sequence[str] = aws_template_fields("config")
    template_fields_renderers = {"config": "json"}  # noqa: RUF012  # the base class's own type
    ui_color = "#ff9900"

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        """Take the gate's Verdict (templated)."""
        super().__init__(**kwargs)
        self.config = config

    def execute(self, context: Context) -> Any:
        """Return the Verdict of an approved version."""
        self.know_run(context)
        with fail_without_retry(verdict=self.config):
            return self.settle(context)

    def settle(self, context: Context) -> Any:
        """Return or raise by the version's status; wait where nobody has judged it."""
        package = self.hook.find_package(self.package_arn)
        if package is None:
            raise GateError(f"{self.package_arn} is gone from the registry: nothing is deployed.")
        status = package["ModelApprovalStatus"]
        if status == APPROVED:
            return self.config
        if status != PENDING:
            raise self._refusal(package)
        data = self.hook.get_waiter(ApprovalTrigger.waiter).config
        limit_s = data.delay * data.max_attempts
        logger.info(
            "%s: approve or reject it in the model registry within %.0f h", self.package_arn, limit_s / 3600
        )
        trigger = ApprovalTrigger(
            arguments={"ModelPackageName": self.package_arn},
            connection=self._hook_parameters,
            delay_s=self.settings.poll_interval_s,
            deadline=clock.now() + limit_s,
        )
        return self.wait_for(context, trigger)

    def go_on(self, context: Context, end: WaitEnd) -> Any:
        """Go by what the registry says now; reject what nobody has judged in time."""
        if end.outcome == TIMEOUT:
            reason = "Nobody has approved it in time."
            verdict = build_verdict(package_arn=self.package_arn, status=REJECTED, reason=reason)
            self.hook.conn.update_model_package(**verdict)
            logger.warning("%s: rejected: %s", self.package_arn, reason)
        return self.settle(context)

    @property
    def package_arn(self) -> str:
        """Return the version's ARN."""
        return str(self.config["package_arn"])

    def _refusal(self, package: Mapping[str, Any]) -> GateError:
        reason = own_reason(package.get("ApprovalDescription")) or "no reason is given"
        return GateError(
            f"{self.package_arn} was not approved: {reason}. Nothing is deployed. Approve it in the registry "
            "and clear this task, or train another model."
        )
