"""Put a new model beside the one that serves, as shadow or challenger, watch it, and take it out again."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from airflow.sdk import Context

from musher import clock
from musher.errors import EndpointError
from musher.hooks.connection import cloudwatch_hook
from musher.hooks.endpoints import BUSY, IN_SERVICE, release_of, tags_of
from musher.operators.base import fail_without_retry
from musher.operators.endpoints import SETTLED, DeployEndpointOperator
from musher.payloads.choices import CHALLENGER, RETENTION, SHADOW
from musher.payloads.tags import PACKAGE_TAG
from musher.shadow_results import ShadowResult
from musher.triggers.endpoints import EndpointReadyTrigger
from musher.triggers.waits import TIMEOUT, PauseTrigger, WaitEnd

logger = logging.getLogger(__name__)

STARTED, WATCHED, ENDED = "started", "watched", "ended"
"""What a wait is for besides: the shadow's being in service, the watch, the endpoint's being as it was."""

WHERE = {SHADOW: "in the shadow of", CHALLENGER: "as the challenger of"}
LOOK_S = 60
"""How often a challenger is looked at: CloudWatch counts by the minute."""

RESULT_KEY = "return_value"
"""The XCom key of a task's result: a task that fails pushes its figures itself."""


class WatchShadowOperator(DeployEndpointOperator):
    """Give requests of a live endpoint to the new model, and fail where CloudWatch's figures are bad.

    `config` is DeployEndpointOperator's with one member more, "Shadow": in which role, how many percent for
    how long, and from when on it is bad; None for no comparison. Users get a challenger's answers, so it is
    looked at each minute, and taken out as soon as it is bad. Whatever is found, the endpoint then has the
    configuration that it had before. A retry goes on with that of an earlier try, and watches it anew. What
    no try ends, the run's teardown does: the configuration of both names the one before like any other.
    """

    def execute(self, context: Context) -> Any:
        """Return a ShadowResult."""
        self.know_run(context)
        with fail_without_retry(config=self.config):
            if self.config["Shadow"] is None:
                return unwatched("comparison_percent is 0", percent=0, role=SHADOW)
            return self.settle(context, started_at=clock.now())

    def settle(self, context: Context, *, started_at: float) -> Any:
        """Wait until the endpoint can be changed; then give it the shadow, unless it has that already."""
        endpoint = self.hook.find_endpoint(self.endpoint_name)
        asked = {name: self.config["Shadow"][name] for name in ("percent", "role")}
        status = endpoint["EndpointStatus"] if endpoint else "gone"
        if endpoint is None or status in ("Deleting", "Failed"):
            return unwatched(f"{self.endpoint_name} does not serve yet", **asked)
        if status in BUSY:
            return self._wait_for(context, EndpointReadyTrigger, step=SETTLED, started_at=started_at)
        if status != IN_SERVICE:
            raise self._stuck(status)
        current = endpoint["EndpointConfigName"]
        release = release_of(self.hook, config_name=current)
        if release == self.endpoint_config_name:
            return unwatched(f"{self.endpoint_name} serves this model already", **asked)
        config = self._build(endpoint, release=release)
        if current != config["EndpointConfigName"]:
            self._mirror(config, current=current)
        mine = {"release": release, "config_name": config["EndpointConfigName"]}
        return self._wait_for(context, EndpointReadyTrigger, step=STARTED, started_at=started_at, **mine)

    def go_on(self, context: Context, end: WaitEnd) -> Any:
        """Return the result, or make the next step towards it."""
        step, carried = end.carried["step"], end.carried
        if end.outcome == TIMEOUT:
            raise self._failure(end.message)
        if step == SETTLED:
            return self.settle(context, started_at=float(carried["started_at"]))
        if step == STARTED:
            return self._watch(context, carried)
        if step == WATCHED:
            self._serving(carried["config_name"])
            is_over = clock.now() >= carried["until"]
            result = self._judge(carried, is_over=is_over)
            if not result["faults"] and not is_over:
                return self._pause(context, carried)
            return self._end(context, {**carried, "result": result})
        return self._end(context, carried)

    def _build(self, endpoint: Mapping[str, Any], *, release: str) -> dict[str, Any]:
        """Return the shadow's configuration; EndpointError where AWS would take none."""
        from musher.payloads.shadows import build_shadow_config, find_obstacle  # not at the DAG's parse

        serving, new = self.hook.find_endpoint_config(release), self.config["EndpointConfig"]
        if serving is None:
            raise EndpointError(
                f"{self.endpoint_name} serves {release}, of which there is no configuration any longer: "
                "it could not be put back afterwards. Trigger again with comparison_percent 0."
            )
        for name, config in ((release, serving), (self.endpoint_config_name, new)):
            if obstacle := find_obstacle(config, role=self._role):
                raise EndpointError(
                    f"{name} has no {self._role}: {obstacle}. Trigger again with comparison_percent 0."
                )
        tags = tags_of(self.hook, arn=serving["EndpointConfigArn"])
        return build_shadow_config(
            self.settings,
            serving=serving,
            variant=endpoint["ProductionVariants"][0],
            new=new,
            percent=self.config["Shadow"]["percent"],
            role=self._role,
            package_arn=tags.get(PACKAGE_TAG),
        )

    @property
    def _role(self) -> str:
        """What the new model is meanwhile: shadow or challenger."""
        return str(self.config["Shadow"]["role"])

    def _mirror(self, config: Mapping[str, Any], *, current: str) -> None:
        """Ask AWS for the update to a configuration with both models; EndpointError where an alarm rings."""
        name, wanted = self.endpoint_name, config["EndpointConfigName"]
        self.create_missing()
        if rings := self._ringing():
            raise EndpointError(
                f"{name} got no {self._role}, as alarm {', '.join(rings)} rings already. {current} serves "
                "on. Clear this task once it is quiet, for which a minute without errors is enough."
            )
        if not self.hook.find_endpoint_config(wanted):
            self.hook.conn.create_endpoint_config(**config)
        self._update(wanted)

    def _update(self, config_name: str) -> None:
        """Ask for an update all at once that keeps what the autoscaler has set."""
        self.hook.conn.update_endpoint(
            EndpointName=self.endpoint_name, EndpointConfigName=config_name, **RETENTION
        )
        logger.info("%s: update to %s", self.endpoint_name, config_name)

    def _serving(self, config_name: str) -> dict[str, Any]:
        """Return the endpoint, which serves with a configuration; EndpointError where it does not."""
        endpoint = self.hook.find_endpoint(self.endpoint_name)
        if endpoint is None:
            raise self._gone()
        if (found := endpoint["EndpointConfigName"]) != config_name:
            raise EndpointError(
                f"{self.endpoint_name} is {endpoint['EndpointStatus']} with {found}, not with {config_name}: "
                f"{endpoint.get('FailureReason') or 'another run or a person has changed it'}. Clear this "
                "task to watch the model beside it again."
            )
        if (status := endpoint["EndpointStatus"]) == "Deleting":
            raise self._gone()
        if status not in (*BUSY, IN_SERVICE):
            raise self._stuck(status)
        return dict(endpoint)

    def _watch(self, context: Context, carried: dict[str, Any]) -> Any:
        """Let time pass in which the new model gets requests."""
        endpoint, plan = self._serving(carried["config_name"]), self.config["Shadow"]
        since: datetime = endpoint["LastModifiedTime"]
        logger.info(
            "%s: %s %% of the requests go to its %s %s, for %s s",
            *(self.endpoint_name, plan["percent"], plan["role"], self.endpoint_config_name, plan["seconds"]),
        )
        until = clock.now() + plan["seconds"]
        return self._pause(context, {**carried, "step": WATCHED, "since": since.isoformat(), "until": until})

    def _pause(self, context: Context, carried: dict[str, Any]) -> Any:
        """Wait until the watch is over, or until a challenger is looked at again."""
        until = float(carried["until"])
        if self._role == CHALLENGER:
            until = min(until, clock.now() + LOOK_S)
        return self.wait_for(context, PauseTrigger(until=until, carried=carried))

    def _judge(self, carried: Mapping[str, Any], *, is_over: bool) -> ShadowResult:
        """Return what CloudWatch has counted since the shadow was there, and what is wrong with it.

        What did not reach it counts once the watch is over: before, a minute that shows late is most of all.
        """
        from musher.hooks.shadow_figures import read_figures
        from musher.payloads.endpoints import VARIANT
        from musher.payloads.shadows import describe_figures, describe_lack, find_faults, weigh

        hook, since = cloudwatch_hook(self.settings), datetime.fromisoformat(carried["since"])
        production, shadow = (
            read_figures(hook, endpoint_name=self.endpoint_name, variant=variant, since=since)
            for variant in (VARIANT, self.endpoint_config_name)
        )
        logger.info(
            "production: %s; %s: %s", describe_figures(production), self._role, describe_figures(shadow)
        )
        plan = self.config["Shadow"]
        percent, limits = plan["percent"], plan["limits"]
        requests = self._count_throughout(hook, since=since) if is_over else 0
        due = weigh(percent, role=self._role) * requests
        faults = find_faults(production=production, shadow=shadow, due=due, **limits)
        return ShadowResult(
            role=self._role,
            reason="" if faults else describe_lack(shadow),
            release=carried["release"],
            percent=percent,
            production=production,
            shadow=shadow,
            faults=faults,
            seconds=round(clock.now() - float(carried["started_at"]), 3),
        )

    def _count_throughout(self, hook: AwsBaseHook, *, since: datetime) -> int:
        """Return the requests of those minutes in which the shadow was there from the first second on."""
        from musher.hooks.shadow_figures import read_figures
        from musher.payloads.alarms import PERIOD_S
        from musher.payloads.endpoints import VARIANT

        begin = since + timedelta(seconds=PERIOD_S)
        figures = read_figures(hook, endpoint_name=self.endpoint_name, variant=VARIANT, since=begin)
        return figures["requests"]

    def _end(self, context: Context, carried: dict[str, Any]) -> Any:
        """Bring the endpoint back to what it served before, then return the result or fail by it."""
        endpoint = self.hook.find_endpoint(self.endpoint_name)
        if endpoint is None:
            raise self._gone()
        status, found = endpoint["EndpointStatus"], endpoint["EndpointConfigName"]
        if status in BUSY:
            return self._wait_for(context, EndpointReadyTrigger, **{**carried, "step": ENDED})
        if found != carried["config_name"]:
            self._serving(carried["release"])
            return self._conclude(context, carried["result"])
        if carried.get("is_asked"):
            raise self._failure(
                endpoint.get("FailureReason") or f"AWS did not bring {carried['release']} back"
            )
        self._serving(carried["config_name"])
        self._update(carried["release"])
        carried = {**carried, "step": ENDED, "is_asked": True}
        return self._wait_for(context, EndpointReadyTrigger, **carried)

    def _conclude(self, context: Context, result: ShadowResult) -> ShadowResult:
        """Return the result; EndpointError where the shadow was bad, a warning where nobody can tell."""
        from musher.payloads.shadows import describe_figures

        production, shadow = result["production"], result["shadow"]
        assert production is not None
        assert shadow is not None
        if result["faults"]:
            context["ti"].xcom_push(key=RESULT_KEY, value=result)
            raise EndpointError(
                f"The model is bad {WHERE[self._role]} {result['release']}: {'; '.join(result['faults'])}.\n"
                f"The model: {describe_figures(shadow)}. What serves: {describe_figures(production)}. "
                f"Nothing was released, and {self.endpoint_name} has its configuration from before. Look at "
                "the endpoint's log, whose streams are named by variant."
            )
        if result["reason"]:
            logger.warning(
                "the model was NOT JUDGED as %s, and is deployed: %s", self._role, result["reason"]
            )
        return result


def unwatched(reason: str, *, percent: int, role: str) -> ShadowResult:
    """Return the result of a run without a comparison, of which so many percent were asked for."""
    logger.info("no %s: %s", role, reason)
    return ShadowResult(
        role=role,
        reason=reason,
        release=None,
        percent=percent,
        production=None,
        shadow=None,
        faults=[],
        seconds=0.0,
    )
