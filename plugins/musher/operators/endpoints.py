"""Deploy a model to an endpoint: create it, or update it without a request that is lost."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context
from botocore.exceptions import BotoCoreError, ClientError

from musher import clock, names
from musher.console_kinds import ENDPOINT
from musher.errors import EndpointError
from musher.hooks.alarms import put_alarms, ringing_alarms
from musher.hooks.connection import autoscaling_hook, cloudwatch_hook
from musher.hooks.endpoints import (
    BUSY,
    IN_SERVICE,
    LEFT_ALONE,
    ask_for_deletion,
    find_captures,
    has_other_type,
    kind_of,
    note_previous,
    release_of,
    retention_of,
    tags_of,
    tags_of_config,
)
from musher.hooks.logs import LogTail, last_lines
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.links import LINKS
from musher.operators.base import MusherOperator, fail_without_retry
from musher.payloads.deployment_steps import end_steps
from musher.payloads.tags import PREVIOUS_TAG, as_mapping
from musher.results import STEPS_KEY, DeploymentStep, EndpointResult
from musher.triggers.endpoints import EndpointGoneTrigger, EndpointReadyTrigger
from musher.triggers.waits import SUCCESS, TIMEOUT, WaitEnd

logger = logging.getLogger(__name__)

SETTLED, GONE, READY = "settled", "gone", "ready"
"""What a wait is for: the end of what an endpoint is busy with, its deletion, its being in service."""


def leave_steps(context: Context, steps: Sequence[DeploymentStep]) -> None:
    """Hand the steps on to the run's report: AWS forgets them when the update has ended."""
    try:
        context["ti"].xcom_push(key=STEPS_KEY, value=list(steps))
    except Exception as error:  # noqa: BLE001  # whatever it is: the endpoint serves, or does not, all the same
        logger.warning("the report will not show the steps: %s", error)


class DeployEndpointOperator(MusherOperator[MusherSageMakerHook]):
    """Create the endpoint of `config`, or update it to its configuration; wait until that is in service.

    The base is AwsBaseOperator, as nothing of the provider's SageMakerEndpointOperator would remain:
    - a retry creates the model and the configuration again and fails: here each is adopted where it exists.
      Their names are those of their content, so that what exists agrees;
    - the wait lasts up to 300 hours: here it is bounded (waiters/sagemaker.json);
    - success means InService, which an update that AWS takes back reaches as well: here EndpointConfigName
      must match, and what is said of a rollback names the alarm that rang;
    - an update resets the instances that an autoscaler has set: here the request says what stays;
    - a failure says only that a waiter failed: here AWS's reason and the container's last lines are shown;
    - a killed task says nothing of the endpoint that goes on: here a person's cancel says what becomes of it.
      It deletes nothing, as AWS refuses that while an endpoint is Creating.

    What served before is kept in the configuration's tags, so that a retry and a person find it.
    """

    aws_hook_class = MusherSageMakerHook
    template_fields: Sequence[str] = aws_template_fields("config")
    template_fields_renderers = {"config": "json"}  # noqa: RUF012  # the base class's own type
    ui_color = "#ff9900"
    operator_extra_links = LINKS

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        """Take {"Model", "EndpointConfig", "Endpoint", "Update", "Alarms"}: five requests (templated).

        They are CreateModel, CreateEndpointConfig, CreateEndpoint, UpdateEndpoint and a list of
        PutMetricAlarm. The first two are left out where an earlier configuration is put back.
        """
        super().__init__(**kwargs)
        self.config = config

    def execute(self, context: Context) -> Any:
        """Return an EndpointResult; its seconds are those until the configuration was in service."""
        self.know_run(context)
        with fail_without_retry(config=self.config):
            return self.settle(context, started_at=clock.now())

    def settle(self, context: Context, *, started_at: float) -> Any:
        """Wait until the endpoint can be changed; then create or update it, or take it as it is."""
        endpoint = self.hook.find_endpoint(self.endpoint_name)
        if endpoint is None:
            return self.create(context, started_at=started_at)
        status = endpoint["EndpointStatus"]
        if status == "Deleting":
            return self._wait_for(context, EndpointGoneTrigger, step=GONE, started_at=started_at)
        if status in BUSY:
            step = READY if self._is_mine(endpoint) else SETTLED
            return self._wait_for(context, EndpointReadyTrigger, step=step, started_at=started_at)
        if status == "Failed":  # its creation came to nothing: it has never served
            logger.info("%s: its creation failed: replacing it", self.endpoint_name)
            ask_for_deletion(self.hook, name=self.endpoint_name, status=status)
            return self._wait_for(context, EndpointGoneTrigger, step=GONE, started_at=started_at)
        if status != IN_SERVICE:
            raise self._stuck(status)
        if endpoint["EndpointConfigName"] != self.endpoint_config_name:
            self.update(endpoint)
        return self.watch(context, started_at=started_at)

    def create(self, context: Context, *, started_at: float) -> Any:
        """Create what is missing, the log first; wait until it is in service."""
        group = names.endpoint_log_group(self.endpoint_name)
        self.limit_log(group, tags=as_mapping(self.config["Endpoint"].get("Tags", [])))
        self.create_missing()
        if self.hook.find_endpoint(self.endpoint_name) is None:
            self.hook.conn.create_endpoint(**self.config["Endpoint"])
            logger.info("%s: Endpoint created", self.endpoint_name)
        return self.watch(context, started_at=started_at)

    def update(self, endpoint: Mapping[str, Any]) -> None:
        """Note what serves now, then ask AWS for the update; EndpointError where an alarm rings already."""
        current = endpoint["EndpointConfigName"]
        self.create_missing()
        if rings := self._ringing():
            raise EndpointError(
                f"{self.endpoint_name} was not updated, as AWS would take that back at once: alarm "
                f"{', '.join(rings)} rings already. {current} serves on. Clear this task once it is "
                "quiet, for which a minute without errors is enough; where what serves now is at fault, run "
                "roll_back first."
            )
        if "EndpointConfig" in self.config:
            release = release_of(self.hook, config_name=current)
            if release != self.endpoint_config_name:  # it serves already, beside another run's model
                note_previous(self.hook, config_name=self.endpoint_config_name, previous=release)
        if has_other_type(self.hook, current=current, wanted=self.endpoint_config_name):
            from musher.hooks.autoscaling import stop_scaling_for_other_type  # no business of the DAG's parse

            stop_scaling_for_other_type(autoscaling_hook(self.settings), endpoint_name=self.endpoint_name)
            self._wake(endpoint)
        self.hook.conn.update_endpoint(**{**self.config["Update"], **retention_of(endpoint)})
        logger.info("%s: update from %s to %s", self.endpoint_name, current, self.endpoint_config_name)

    def _wake(self, endpoint: Mapping[str, Any]) -> None:
        """Start an instance where there is none: should the update come to nothing, nothing else would."""
        from musher.hooks.instances import keep_instances  # no business of the DAG's parse

        if any(variant.get("DesiredInstanceCount") == 0 for variant in endpoint["ProductionVariants"]):
            delay_s = self.settings.poll_interval_s
            keep_instances(self.hook, name=self.endpoint_name, count=1, delay_s=delay_s)

    def watch(self, context: Context, *, started_at: float) -> Any:
        """Wait until the endpoint is in service, or never will be."""
        name, log = self.endpoint_name, (names.endpoint_log_group(self.endpoint_name), "")
        self.show_links(context, kind=ENDPOINT, name=name, log=log)
        return self._wait_for(context, EndpointReadyTrigger, step=READY, started_at=started_at)

    def go_on(self, context: Context, end: WaitEnd) -> Any:
        """Return the endpoint in service, or make the next step towards it."""
        started_at, step = float(end.carried["started_at"]), end.carried["step"]
        if end.outcome == TIMEOUT and step == GONE:
            raise EndpointError(
                f"Endpoint {self.endpoint_name} was to be replaced, and AWS has not deleted it: "
                f"{end.message}. Clear this task: that asks for its deletion again."
            )
        if end.outcome == TIMEOUT:
            leave_steps(context, end.carried.get(STEPS_KEY, []))
            raise self._failure(end.message)
        if step == SETTLED:
            return self.settle(context, started_at=started_at)
        if step == GONE:
            return self.create(context, started_at=started_at)
        endpoint = self.hook.find_endpoint(self.endpoint_name)
        if endpoint is None:
            raise self._gone()
        leave_steps(context, end_steps(end.carried.get(STEPS_KEY, []), endpoint))
        self.check_in_service(endpoint, is_ready=end.outcome == SUCCESS)
        return self.describe_result(endpoint, started_at=started_at)

    def describe_result(self, endpoint: Mapping[str, Any], *, started_at: float) -> EndpointResult:
        """Return what the task hands on of an endpoint in service, and what served before."""
        from musher.payloads.endpoints import VARIANT  # no business of the DAG's parse

        variants = {variant["VariantName"]: variant for variant in endpoint["ProductionVariants"]}
        config = self.hook.conn.describe_endpoint_config(EndpointConfigName=self.endpoint_config_name)
        tags = tags_of(self.hook, arn=config["EndpointConfigArn"])
        return EndpointResult(
            name=self.endpoint_name,
            config_name=self.endpoint_config_name,
            previous_config_name=tags.get(PREVIOUS_TAG),
            kind=kind_of(config),
            instance_type=config["ProductionVariants"][0].get("InstanceType"),
            instances=variants[VARIANT].get("DesiredInstanceCount"),
            captures_uri=find_captures(endpoint, name=self.endpoint_name),
            seconds=round(clock.now() - started_at, 3),
        )

    def cancel(self) -> None:
        """Say what becomes of the endpoint, if there is one: AWS deletes none that is Creating."""
        try:
            endpoint = self.hook.find_endpoint(self.endpoint_name) if self.config else None
        except (BotoCoreError, ClientError) as error:
            logger.warning(
                "%s: the task was killed; cannot ask AWS for its endpoint: %s", self.task_id, error
            )
            return
        if endpoint is not None:
            status = endpoint["EndpointStatus"]
            logger.warning("%s is %s: the task was killed; %s", self.endpoint_name, status, LEFT_ALONE)

    @property
    def endpoint_config_name(self) -> str:
        """Return the endpoint configuration's name."""
        return str(self.config["Endpoint"]["EndpointConfigName"])

    @property
    def endpoint_name(self) -> str:
        """Return the endpoint's name."""
        return str(self.config["Endpoint"]["EndpointName"])

    def create_missing(self) -> None:
        """Create the alarms, and model and configuration, each only where it does not exist."""
        hook = self.hook
        if alarms := self.config.get("Alarms"):
            put_alarms(cloudwatch_hook(self.settings), requests=alarms)
        steps = (
            ("Model", "ModelName", hook.find_model, hook.conn.create_model),
            (
                "EndpointConfig",
                "EndpointConfigName",
                hook.find_endpoint_config,
                hook.conn.create_endpoint_config,
            ),
        )
        for kind, member, find, create in steps:
            if (request := self.config.get(kind)) is None:
                continue
            if find(request[member]):
                logger.info("%s: %s adopted", request[member], kind)
            else:
                create(**request)
                logger.info("%s: %s created", request[member], kind)

    def check_in_service(self, endpoint: Mapping[str, Any], *, is_ready: bool) -> None:
        """Raise EndpointError unless an endpoint, as it is described, serves what was asked for.

        Another run may have begun to compare a model with that: it serves all the same.
        """
        logger.info("%s: %s", self.endpoint_name, endpoint["EndpointStatus"])
        reason = endpoint.get("FailureReason")
        if not is_ready:
            raise self._failure(reason or "AWS gives no reason")
        found, mine = endpoint["EndpointConfigName"], self.endpoint_config_name
        if found != mine and release_of(self.hook, config_name=found) != mine:
            is_after = self._noted(found) == mine and self._noted(mine) != found
            raise self._replaced(found) if is_after else self._taken_back(found, reason=reason)

    def _noted(self, config_name: str) -> str | None:
        """Return what served before a configuration, as its tags say; None where that is unknown."""
        return tags_of_config(self.hook, config_name).get(PREVIOUS_TAG)

    def _wait_for(
        self, context: Context, trigger_class: type[EndpointReadyTrigger], *, step: str, **carried: Any
    ) -> Any:
        """Wait for the end of a step; what is given besides is carried over the wait."""
        data = self.hook.get_waiter(trigger_class.waiter).config
        noted: dict[str, Any] = {STEPS_KEY: []} if step == READY else {}
        trigger = trigger_class(
            arguments={"EndpointName": self.endpoint_name},
            connection=self._hook_parameters,
            delay_s=self.settings.poll_interval_s,
            deadline=clock.now() + data.delay * data.max_attempts,
            carried={"step": step, **carried, **noted},
        )
        return self.wait_for(context, trigger)

    def _is_mine(self, endpoint: Mapping[str, Any]) -> bool:
        """Return whether what an endpoint is busy with is this task's own doing."""
        pending = endpoint.get("PendingDeploymentSummary") or endpoint
        return bool(pending["EndpointConfigName"] == self.endpoint_config_name)

    def _failure(self, reason: str) -> EndpointError:
        group = names.endpoint_log_group(self.endpoint_name)
        lines = last_lines(LogTail(group=group, prefix=""), self.logs_hook.conn)
        return EndpointError(
            f"Endpoint {self.endpoint_name} is not in service: {reason}\n"
            f"Last lines of its log ({group}):\n{lines}\n"
            "Correct the cause, then clear this task: that tries again."
        )

    def _ringing(self) -> list[str]:
        """Return those of the update's alarms that ring, each with AWS's reason."""
        alarms = [request["AlarmName"] for request in self.config.get("Alarms", [])]
        return ringing_alarms(cloudwatch_hook(self.settings), names=alarms) if alarms else []

    def _taken_back(self, found: str, *, reason: str | None) -> EndpointError:
        from musher.hooks.autoscaling import SCALES_AGAIN

        rang = self._ringing()
        why = reason or (f"alarm {', '.join(rang)} rang" if rang else "AWS gives no reason")
        has_ended = has_other_type(self.hook, current=found, wanted=self.endpoint_config_name)
        scaling = f" Its scaling ended before the update: {SCALES_AGAIN}." if has_ended else ""
        return EndpointError(
            f"The update of {self.endpoint_name} to {self.endpoint_config_name} was taken back: {why}. "
            f"{found} serves on.{scaling} Look at the log "
            f"({names.endpoint_log_group(self.endpoint_name)}) and at the alarms' history, then "
            "clear this task to try again."
        )

    def _gone(self) -> EndpointError:
        return EndpointError(
            f"Endpoint {self.endpoint_name} is gone: somebody has removed it meanwhile (the DAG "
            "retire_deployment does). Nothing serves. Clear this task only if it is to be there again: that "
            "creates it."
        )

    def _replaced(self, found: str) -> EndpointError:
        return EndpointError(
            f"{self.endpoint_config_name} was in service on {self.endpoint_name}, and another run has "
            f"replaced it by {found} before this task saw that. {found} serves on, and goes back to "
            f"{self.endpoint_config_name} where its own run fails. To bring back what this run made, run "
            "roll_back."
        )

    def _stuck(self, status: str) -> EndpointError:
        return EndpointError(
            f"Endpoint {self.endpoint_name} is {status}, and AWS updates none in that state. Remove it (the "
            "DAG retire_deployment does), then clear this task."
        )
