"""Deploy a model to an endpoint that a retried task finds again."""

import logging
import time
from typing import Any, cast

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerEndpointOperator
from airflow.sdk import Context

from musher import console, names
from musher.errors import EndpointError
from musher.hooks.connection import logs_hook
from musher.hooks.endpoints import remove_endpoint_and_model
from musher.hooks.logs import LogTail, last_lines
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.hooks.waits import StatusLog, wait_until
from musher.links import LINKS, show_links
from musher.operators.base import InstallationMixin, fail_without_retry

logger = logging.getLogger(__name__)

LIVE = ("Creating", "Updating", "SystemUpdating", "RollingBack", "InService")


class DeployEndpointOperator(InstallationMixin, SageMakerEndpointOperator):
    """Create model, configuration and endpoint of `config` where they are missing; wait until in service.

    Closes these traps of the provider's operator:
    - a retry creates the model and the configuration again and fails: here each is adopted where it exists
      and agrees, and all three are replaced where the model or the instances differ, or the endpoint failed;
    - the wait lasts up to 300 hours: here it is bounded (waiters/sagemaker.json);
    - success means InService, which a rolled-back update reaches as well: here EndpointConfigName must match;
    - a failure says only that a waiter failed: here AWS's reason and the container's last lines are shown.
    """

    aws_hook_class = MusherSageMakerHook
    operator_extra_links = LINKS

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        """Take the three requests as {"Model", "EndpointConfig", "Endpoint"} (templated)."""
        super().__init__(config=config, deferrable=False, **kwargs)

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the endpoint's name, instances and the seconds until it was in service."""
        started = time.monotonic()
        variant = self.config["EndpointConfig"]["ProductionVariants"][0]
        with fail_without_retry():
            self.make_way()
            self.create_missing()
            log, client = (names.endpoint_log_group(self.endpoint_name), ""), self.sagemaker.conn
            show_links(context, client=client, page=console.endpoint, name=self.endpoint_name, log=log)
            self.wait_in_service()
        return {
            "name": self.endpoint_name,
            "instance_type": variant["InstanceType"],
            "instances": variant["InitialInstanceCount"],
            "seconds": round(time.monotonic() - started, 3),
        }

    @property
    def sagemaker(self) -> MusherSageMakerHook:
        """Return the hook as what `aws_hook_class` makes it."""
        return cast(MusherSageMakerHook, self.hook)

    @property
    def endpoint_name(self) -> str:
        """Return the endpoint's name."""
        return str(self.config["Endpoint"]["EndpointName"])

    def make_way(self) -> None:
        """Remove what an earlier try left behind, unless it is live and agrees with the request."""
        hook, name = self.sagemaker, self.endpoint_name
        endpoint = hook.find_endpoint(name)
        is_dead = endpoint is not None and endpoint["EndpointStatus"] not in LIVE
        model, config = hook.find_model(name), hook.find_endpoint_config(name)
        if is_dead or self._has_other_model(model) or self._has_other_instances(config):
            logger.info("%s: what is deployed is dead or differs from the request: replacing it", name)
            remove_endpoint_and_model(hook, name=name, delay_s=self.settings.poll_interval_s)

    def create_missing(self) -> None:
        """Create model, configuration and endpoint, each only where it does not exist."""
        hook, name = self.sagemaker, self.endpoint_name
        steps = (
            ("Model", hook.find_model, hook.conn.create_model),
            ("EndpointConfig", hook.find_endpoint_config, hook.conn.create_endpoint_config),
            ("Endpoint", hook.find_endpoint, hook.conn.create_endpoint),
        )
        for kind, find, create in steps:
            if find(name):
                logger.info("%s: %s adopted", name, kind)
            else:
                create(**self.config[kind])
                logger.info("%s: %s created", name, kind)

    def wait_in_service(self) -> None:
        """Wait for InService with the configuration asked for; raise EndpointError for anything else."""
        status = StatusLog(subject=self.endpoint_name)
        try:
            is_ready = wait_until(
                self.sagemaker.get_waiter("EndpointReady"),
                arguments={"EndpointName": self.endpoint_name},
                delay_s=self.settings.poll_interval_s,
                on_response=lambda answer: status.show(answer.get("EndpointStatus", "")),
            )
        except TimeoutError as error:
            raise self._failure(str(error)) from error
        endpoint = self.sagemaker.conn.describe_endpoint(EndpointName=self.endpoint_name)
        status.show(endpoint["EndpointStatus"], endpoint.get("FailureReason", ""))
        wanted = self.config["Endpoint"]["EndpointConfigName"]
        if not is_ready:
            raise self._failure(endpoint.get("FailureReason") or "AWS gives no reason")
        if (found := endpoint["EndpointConfigName"]) != wanted:
            raise self._failure(f"in service with configuration {found}, not {wanted}")

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
        tail = LogTail(hook=logs_hook(self.settings), group=group, prefix="")
        return EndpointError(
            f"Endpoint {self.endpoint_name} is not in service: {reason}\n"
            f"Last lines of its log ({group}):\n{last_lines(tail)}\n"
            "Correct the cause, then clear this task: that replaces the endpoint."
        )
