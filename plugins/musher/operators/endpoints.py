"""Deploy a model to an endpoint that a retried task finds again."""

import logging
from collections.abc import Sequence
from typing import Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context
from botocore.exceptions import BotoCoreError, ClientError

from musher import clock, console, names
from musher.errors import EndpointError
from musher.hooks.endpoints import BUSY, COSTS_UNTIL, ask_for_deletion
from musher.hooks.logs import LogTail, last_lines
from musher.hooks.sagemaker import MusherSageMakerHook, found_or_none
from musher.links import LINKS
from musher.operators.base import MusherOperator, fail_without_retry
from musher.payloads.tags import as_mapping
from musher.triggers.endpoints import EndpointGoneTrigger, EndpointReadyTrigger
from musher.triggers.waits import SUCCESS, TIMEOUT, WaitEnd

logger = logging.getLogger(__name__)

LIVE = (*BUSY, "InService")

SETTLED, GONE, READY = "settled", "gone", "ready"
"""What a wait is for: the end of what an endpoint is busy with, its deletion, its being in service."""


class DeployEndpointOperator(MusherOperator[MusherSageMakerHook]):
    """Create model, configuration and endpoint of `config` where they are missing; wait until in service.

    The base is AwsBaseOperator, as nothing of the provider's SageMakerEndpointOperator would remain:
    - a retry creates the model and the configuration again and fails: here each is adopted where it exists
      and agrees, and what differs is replaced, as is an endpoint that failed;
    - the wait lasts up to 300 hours: here it is bounded (waiters/sagemaker.json);
    - success means InService, which a rolled-back update reaches as well: here EndpointConfigName must match;
    - a failure says only that a waiter failed: here AWS's reason and the container's last lines are shown;
    - a killed task says nothing of the endpoint that goes on: here a person's cancel says what it costs. It
      deletes nothing, as AWS refuses that while an endpoint is Creating: the run's teardown does.
    """

    aws_hook_class = MusherSageMakerHook
    template_fields: Sequence[str] = aws_template_fields("config")
    template_fields_renderers = {"config": "json"}  # noqa: RUF012  # the base class's own type
    ui_color = "#ff9900"
    operator_extra_links = LINKS

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        """Take the three requests as {"Model", "EndpointConfig", "Endpoint"} (templated)."""
        super().__init__(**kwargs)
        self.config = config

    def execute(self, context: Context) -> Any:
        """Return the endpoint's name, instances and the seconds until it was in service."""
        self.know_run(context)
        with fail_without_retry(config=self.config):
            return self.settle(context, started_at=clock.now())

    def settle(self, context: Context, *, started_at: float) -> Any:
        """Remove what an earlier try left behind unless it is live and agrees, then deploy."""
        hook = self.hook
        endpoint = hook.find_endpoint(self.endpoint_name)
        status = endpoint["EndpointStatus"] if endpoint else None
        model = hook.find_model(self.model_name)
        endpoint_config = hook.find_endpoint_config(self.endpoint_config_name)
        if status == "Deleting":
            return self._wait_for(context, EndpointGoneTrigger, step=GONE, started_at=started_at)
        is_dead = status is not None and status not in LIVE
        if (
            not is_dead
            and not self._has_other_model(model)
            and not self._has_other_instances(endpoint_config)
        ):
            return self.deploy(context, started_at=started_at)
        logger.info(
            "%s: what is deployed is dead or differs from the request: replacing it", self.endpoint_name
        )
        if status in BUSY:
            return self._wait_for(context, EndpointReadyTrigger, step=SETTLED, started_at=started_at)
        if endpoint is not None:
            ask_for_deletion(hook, name=self.endpoint_name)
            return self._wait_for(context, EndpointGoneTrigger, step=GONE, started_at=started_at)
        return self.replace(context, started_at=started_at)

    def replace(self, context: Context, *, started_at: float) -> Any:
        """Remove model and configuration, which no endpoint uses any more, and deploy."""
        hook = self.hook
        found_or_none(hook.conn.delete_endpoint_config, EndpointConfigName=self.endpoint_config_name)
        found_or_none(hook.conn.delete_model, ModelName=self.model_name)
        return self.deploy(context, started_at=started_at)

    def deploy(self, context: Context, *, started_at: float) -> Any:
        """Create what is missing, the log first; wait until it is in service."""
        name, log = self.endpoint_name, (names.endpoint_log_group(self.endpoint_name), "")
        self.limit_log(log[0], tags=as_mapping(self.config["Endpoint"].get("Tags", [])))
        self.create_missing()
        self.show_links(context, kind=console.ENDPOINT, name=name, log=log)
        return self._wait_for(context, EndpointReadyTrigger, step=READY, started_at=started_at)

    def go_on(self, context: Context, end: WaitEnd) -> Any:
        """Return the endpoint in service, or make the next step of a replacement."""
        started_at, step = float(end.carried["started_at"]), end.carried["step"]
        if end.outcome == TIMEOUT and step == GONE:
            raise EndpointError(
                f"Endpoint {self.endpoint_name} was to be replaced, and AWS has not deleted it: "
                f"{end.message}. Clear this task: that asks for its deletion again."
            )
        if end.outcome == TIMEOUT:
            raise self._failure(end.message)
        if step == SETTLED:
            return self.settle(context, started_at=started_at)
        if step == GONE:
            return self.replace(context, started_at=started_at)
        self.check_in_service(is_ready=end.outcome == SUCCESS)
        variant = self.config["EndpointConfig"]["ProductionVariants"][0]
        return {
            "name": self.endpoint_name,
            "instance_type": variant["InstanceType"],
            "instances": variant["InitialInstanceCount"],
            "seconds": round(clock.now() - started_at, 3),
        }

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
            logger.warning("%s is %s: the task was killed; %s", self.endpoint_name, status, COSTS_UNTIL)

    @property
    def model_name(self) -> str:
        """Return the model's name."""
        return str(self.config["Model"]["ModelName"])

    @property
    def endpoint_config_name(self) -> str:
        """Return the endpoint configuration's name."""
        return str(self.config["EndpointConfig"]["EndpointConfigName"])

    @property
    def endpoint_name(self) -> str:
        """Return the endpoint's name."""
        return str(self.config["Endpoint"]["EndpointName"])

    def create_missing(self) -> None:
        """Create model, configuration and endpoint, each only where it does not exist."""
        hook = self.hook
        steps = (
            ("Model", self.model_name, hook.find_model, hook.conn.create_model),
            (
                "EndpointConfig",
                self.endpoint_config_name,
                hook.find_endpoint_config,
                hook.conn.create_endpoint_config,
            ),
            ("Endpoint", self.endpoint_name, hook.find_endpoint, hook.conn.create_endpoint),
        )
        for kind, name, find, create in steps:
            if find(name):
                logger.info("%s: %s adopted", name, kind)
            else:
                create(**self.config[kind])
                logger.info("%s: %s created", name, kind)

    def check_in_service(self, *, is_ready: bool) -> None:
        """Raise EndpointError unless the endpoint is in service with the configuration asked for."""
        endpoint = self.hook.conn.describe_endpoint(EndpointName=self.endpoint_name)
        logger.info("%s: %s", self.endpoint_name, endpoint["EndpointStatus"])
        if not is_ready:
            raise self._failure(endpoint.get("FailureReason") or "AWS gives no reason")
        wanted = self.config["Endpoint"]["EndpointConfigName"]
        if (found := endpoint["EndpointConfigName"]) != wanted:
            raise self._failure(f"in service with configuration {found}, not {wanted}")

    def _wait_for(
        self, context: Context, trigger_class: type[EndpointReadyTrigger], *, step: str, started_at: float
    ) -> Any:
        data = self.hook.get_waiter(trigger_class.waiter).config
        trigger = trigger_class(
            arguments={"EndpointName": self.endpoint_name},
            connection=self._hook_parameters,
            delay_s=self.settings.poll_interval_s,
            deadline=clock.now() + data.delay * data.max_attempts,
            carried={"step": step, "started_at": started_at},
        )
        return self.wait_for(context, trigger)

    def _has_other_model(self, model: dict[str, Any] | None) -> bool:
        """Return whether a model of this name exists that has other data or another image."""
        wanted = self.config["Model"]["PrimaryContainer"]
        return model is not None and any(model["PrimaryContainer"].get(key) != wanted[key] for key in wanted)

    def _has_other_instances(self, config: dict[str, Any] | None) -> bool:
        """Return whether a configuration of this name exists that has other instances."""
        if config is None:
            return False
        keys = ("InstanceType", "InitialInstanceCount")
        wanted, found = (c["ProductionVariants"][0] for c in (self.config["EndpointConfig"], config))
        return any(found.get(key) != wanted[key] for key in keys)

    def _failure(self, reason: str) -> EndpointError:
        group = names.endpoint_log_group(self.endpoint_name)
        lines = last_lines(LogTail(group=group, prefix=""), self.logs_hook.conn)
        return EndpointError(
            f"Endpoint {self.endpoint_name} is not in service: {reason}\n"
            f"Last lines of its log ({group}):\n{lines}\n"
            "Correct the cause, then clear this task: that replaces the endpoint."
        )
