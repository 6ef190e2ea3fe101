"""Deploy a Lambda function, whether it exists or not."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from musher import clock, names
from musher.console_kinds import FUNCTION
from musher.errors import LambdaError
from musher.hooks.functions import MusherLambdaHook, move_alias, weights_of
from musher.links import LINKS
from musher.operators.base import MusherOperator, fail_without_retry
from musher.operators.function_errors import cold, interfered
from musher.payloads.tags import RUN_TAG
from musher.results import FunctionResult
from musher.triggers.functions import FunctionProvisionedTrigger, FunctionReadyTrigger
from musher.triggers.waits import SUCCESS, TIMEOUT, WaitEnd, WaitTrigger

if TYPE_CHECKING:
    from musher.payloads.concurrency import Concurrency
    from musher.payloads.function_scaling import FunctionScaling
    from musher.payloads.shifts import Shift

logger = logging.getLogger(__name__)

MAX_DELAY_S = 2.0
"""A function is ready within seconds, so a longer interval between two looks would only be waited out."""

MAX_ALARM_DELAY_S = 10.0
"""While a version is on trial, users meet what is wrong with it until somebody has looked."""

UPDATE_CODE, UPDATE_CONFIGURATION, PUBLISH, GO_LIVE, NEXT_SHARE = (
    "update_code",
    "update_configuration",
    "publish",
    "go_live",
    "next_share",
)
"""What follows a wait: Lambda takes one change of a function at a time."""


class DeployFunctionOperator(MusherOperator[MusherLambdaHook]):
    """Create the function of `config`, or bring the existing one to it; let `alias` stand for that version.

    The base is AwsBaseOperator: the provider's LambdaCreateFunctionOperator fails on a retry because the
    function exists, cannot update, and waits without telling why a function failed. The provider has nothing
    for versions and aliases. A function that has not changed gets no new version: AWS answers with the one
    there is. What the alias stood for is kept in the function's tags, so that a retry and a person find it.

    Users meet no cold version: the new one's environments are started before the alias moves, and the old
    one's are given up after that. Both kinds of concurrency are read back, and must be what was asked for.

    Where a shift is asked for, the new version has shares of the calls first, under alarms on its errors,
    its duration and its test (docs/adr/039, docs/adr/066). The alias itself says which share it has: a retry
    finds that, and goes on with it.
    """

    aws_hook_class = MusherLambdaHook
    template_fields: Sequence[str] = aws_template_fields("config")
    template_fields_renderers = {"config": "json"}  # noqa: RUF012  # the base class's own type
    ui_color = "#ff7300"
    operator_extra_links = LINKS

    def __init__(self, *, config: Any, alias: str, **kwargs: Any) -> None:
        """Take {"Function", "Concurrency", "Shift", "Scaling"} (templated: an earlier task's result).

        They are a CreateFunction request and the members of `Concurrency`, `Shift` and `FunctionScaling`.
        Where Shift is None, all calls go over at once, and there is neither an alarm nor scaling to remove;
        where Scaling is None, nothing scales.
        """
        super().__init__(**kwargs)
        self.config = config
        self.alias = alias

    def execute(self, context: Context) -> Any:
        """Return a FunctionResult; its seconds are those until the function was ready.

        None where the endpoint is asynchronous, so that `config` is None.
        """
        self.know_run(context)
        if self.config is None:
            logger.info("no function: the endpoint is asynchronous, and answers nobody who waits")
            return None
        with fail_without_retry(config=self.config):
            started_at = clock.now()
            group = names.function_log_group(self.function_name)
            self.limit_log(group, tags=self.request.get("Tags", {}))
            if self.hook.find_function(self.function_name):
                return self.wait_until_ready(context, then=UPDATE_CODE, started_at=started_at)
            self.hook.conn.create_function(**self.request)
            logger.info("%s: function created", self.function_name)
            return self.wait_until_ready(context, then=PUBLISH, started_at=started_at)

    @property
    def function_name(self) -> str:
        """Return the function's name."""
        return str(self.request["FunctionName"])

    @property
    def request(self) -> dict[str, Any]:
        """Return the CreateFunction request."""
        return dict(self.config["Function"])

    @property
    def concurrency(self) -> "Concurrency":
        """Return what the function is to have to itself."""
        from musher.payloads.concurrency import Concurrency

        return Concurrency(**self.config["Concurrency"])

    @property
    def shift(self) -> "Shift | None":
        """Return which shares of the calls a new version has before all; None or none: it has all at once."""
        from musher.payloads.shifts import Shift

        members = self.config.get("Shift")
        return Shift(**members) if members and members["shares_percent"] else None

    @property
    def scaling(self) -> "FunctionScaling | None":
        """Return how what is provisioned follows its use; None: it stays as it is."""
        from musher.payloads.function_scaling import FunctionScaling

        members = self.config.get("Scaling")
        return FunctionScaling(**members) if members else None

    @property
    def alarms(self) -> tuple[str, ...]:
        """Return the names of the alarms that watch a shift."""
        return names.function_alarms(self.function_name)

    def go_on(self, context: Context, end: WaitEnd) -> Any:
        """Make the next change of the function, or return it."""
        from musher.payloads.functions import build_code_update, build_configuration_update

        if end.carried["then"] == GO_LIVE:
            return self.go_live(context, end)
        if end.carried["then"] == NEXT_SHARE:
            return self.end_bake(context, end)
        description = self.hook.conn.get_function_configuration(FunctionName=self.function_name)
        self.check_ready(description, end)
        started_at = float(end.carried["started_at"])
        if end.carried["then"] == UPDATE_CODE:
            self.hook.conn.update_function_code(**build_code_update(self.request))
            return self.wait_until_ready(context, then=UPDATE_CONFIGURATION, started_at=started_at)
        if end.carried["then"] == UPDATE_CONFIGURATION:
            self.hook.conn.update_function_configuration(**build_configuration_update(self.request))
            logger.info("%s: function existed, code and configuration updated", self.function_name)
            return self.wait_until_ready(context, then=PUBLISH, started_at=started_at)
        return self.publish(context, description, started_at=started_at)

    def publish(self, context: Context, description: Mapping[str, Any], *, started_at: float) -> Any:
        """Publish a version and note what is live; start what is to be kept started of it."""
        from musher.hooks.concurrency import begin_with, start_provisioning  # no business of the DAG's parse

        name, hook = self.function_name, self.hook
        version = str(hook.conn.publish_version(FunctionName=name)["Version"])
        previous = self.note(str(description["FunctionArn"]), version=version)
        wanted = begin_with(hook, name=name, wanted=self.concurrency, scaling=self.scaling)
        carried = {"then": GO_LIVE, "started_at": started_at, "version": version, "previous": previous}
        carried["provisioned"] = wanted.provisioned
        if not start_provisioning(hook, name=name, version=version, wanted=wanted):
            return self.go_live(context, WaitEnd(outcome=SUCCESS, carried=carried))
        arguments = {"FunctionName": name, "Qualifier": version}
        return self._wait_for(context, FunctionProvisionedTrigger, arguments=arguments, carried=carried)

    def go_live(self, context: Context, end: WaitEnd) -> Any:
        """Give a version that is warm its first share of the calls, or all of them."""
        version = str(end.carried["version"])
        if end.outcome != SUCCESS:
            raise self._cold(version, end)
        alias, shift = self.hook.find_alias(self.function_name, alias=self.alias), self.shift
        if shift is None or alias is None or alias["FunctionVersion"] == version:
            return self.finish(end)
        return self.start_bake(context, shift, alias=alias, carried=end.carried)

    def start_bake(
        self, context: Context, shift: "Shift", *, alias: dict[str, Any], carried: Mapping[str, Any]
    ) -> Any:
        """Put the alarms, and give the first share, or take up that which an earlier try has given."""
        from musher.hooks.connection import cloudwatch_hook
        from musher.hooks.shifts import put_watch, share_calls, shared_percent, why_ringing
        from musher.payloads.shifts import Watched, build_watch

        name, version, hook = self.function_name, str(carried["version"]), cloudwatch_hook(self.settings)
        watched = Watched(
            project=self.settings.project,
            function_name=name,
            alias=self.alias,
            version=version,
            tags=self.request["Tags"],
        )
        requests = build_watch(watched, shift)
        if why := why_ringing(hook, requests=requests):  # an earlier try was lost while it took this back
            raise self._taken_back(alias, version=version, why=why)
        put_watch(hook, requests=requests)
        percent = shared_percent(alias, version=version)
        if percent is None:
            percent = shift.shares_percent[0]
            share_calls(self.hook, function_name=name, alias=alias, version=version, percent=percent)
        return self._bake(context, shift, percent=percent, carried=carried)

    def end_bake(self, context: Context, end: WaitEnd) -> Any:
        """Give the next share, or all calls; take the version back where an alarm rang or is gone."""
        from musher.hooks.connection import cloudwatch_hook
        from musher.hooks.shifts import share_calls, shared_percent, why_taken_back
        from musher.payloads.shifts import next_share

        name, version, percent = self.function_name, str(end.carried["version"]), int(end.carried["percent"])
        alias, shift = self.hook.find_alias(name, alias=self.alias), self.shift
        if shift is None or alias is None or shared_percent(alias, version=version) != percent:
            raise interfered(name, alias=self.alias, version=version, percent=percent)
        why = why_taken_back(cloudwatch_hook(self.settings), names=self.alarms)
        if why is None and end.outcome != TIMEOUT:
            why = f"one of {', '.join(self.alarms)} rang, and rings no longer"
        if why is not None:
            raise self._taken_back(alias, version=version, why=why)
        following = next_share(shift.shares_percent, after=percent)
        if following is None:
            return self.finish(end)
        share_calls(self.hook, function_name=name, alias=alias, version=version, percent=following)
        return self._bake(context, shift, percent=following, carried=end.carried)

    def finish(self, end: WaitEnd) -> FunctionResult:
        """Let the alias stand for the version alone; take from the one before what it had provisioned."""
        from musher.hooks.concurrency import come_to, settle

        version, name = str(end.carried["version"]), self.function_name
        alias = self.hook.find_alias(name, alias=self.alias)
        if alias is None or alias["FunctionVersion"] != version or weights_of(alias):
            alias = move_alias(self.hook, function_name=name, alias=self.alias, version=version)
        self._end_watch()
        self._end_scaling()
        number = int(end.carried.get("provisioned", self.concurrency.provisioned))
        wanted = replace(self.concurrency, provisioned=number)
        wanted = come_to(self.hook, name=name, version=version, wanted=wanted, scaling=self.scaling)
        settle(self.hook, name=name, version=version, wanted=wanted)
        self._scale(version)
        return FunctionResult(
            function_name=name,
            function_arn=str(alias["AliasArn"]),
            alias=self.alias,
            version=version,
            previous_version=end.carried["previous"],
            reserved=wanted.reserved,
            provisioned=wanted.provisioned,
            seconds=round(clock.now() - float(end.carried["started_at"]), 3),
        )

    def note(self, arn: str, *, version: str) -> str | None:
        """Keep what is live before this run changes it; return its version, None where the run has made it.

        Later tries find the note of the first.
        """
        from musher.hooks.concurrency import read_concurrency
        from musher.hooks.release_notes import ReleaseNote, find_note, is_note_of_try, write_note

        run, name = self.request["Tags"][RUN_TAG], self.function_name
        last_run, note = find_note(self.hook, arn=arn)
        alias = self.hook.find_alias(name, alias=self.alias)
        if alias is None or (note is None and last_run == run and alias["FunctionVersion"] == version):
            return None
        stands_for = str(alias["FunctionVersion"])
        if note is None or not is_note_of_try(note, run=run, stands_for=stands_for, version=version):
            is_shared = note is not None and note.previous == stands_for and bool(weights_of(alias))
            had = note.concurrency if note and is_shared else None  # what is reserved now is for two
            has = had or read_concurrency(self.hook, name=name, version=stands_for)
            note = ReleaseNote(run=run, previous=stands_for, next=version, concurrency=has)
            write_note(self.hook, arn=arn, note=note)
        return note.previous

    def _bake(self, context: Context, shift: "Shift", *, percent: int, carried: Mapping[str, Any]) -> Any:
        """Wait for so long as a share is on trial, or until its alarm rings."""
        from musher.triggers.alarms import AlarmTrigger

        delay_s = min(self.settings.poll_interval_s, MAX_ALARM_DELAY_S)
        trigger = AlarmTrigger(
            arguments={"AlarmNames": list(self.alarms)},
            connection=self._hook_parameters,
            delay_s=delay_s,
            deadline=clock.now() + shift.bake_s + delay_s,  # the last look comes after the time, not before
            carried={**carried, "then": NEXT_SHARE, "percent": percent},
        )
        return self.wait_for(context, trigger)

    def _end_watch(self) -> None:
        """Remove the alarms of a shift, where a function may have them."""
        from musher.hooks.alarms import remove_alarms
        from musher.hooks.connection import cloudwatch_hook

        if self.config.get("Shift"):
            remove_alarms(cloudwatch_hook(self.settings), names=self.alarms)

    def _end_scaling(self) -> None:
        """Let no version scale any longer, where one may: what is given up would be asked for again."""
        from musher.hooks.connection import autoscaling_hook
        from musher.hooks.function_scaling import stop_scaling_function

        if self.config.get("Shift"):
            stop_scaling_function(autoscaling_hook(self.settings), name=self.function_name)

    def _scale(self, version: str) -> None:
        """Let the version scale that is live now, where that is asked for."""
        from musher.hooks.connection import autoscaling_hook
        from musher.hooks.function_scaling import scale_function

        if scaling := self.scaling:
            hook, name = autoscaling_hook(self.settings), self.function_name
            scale_function(hook, name=name, version=version, scaling=scaling)

    def wait_until_ready(self, context: Context, *, then: str, started_at: float) -> Any:
        """Wait until the function is active and no update is under way."""
        name, log = self.function_name, (names.function_log_group(self.function_name), "")
        self.show_links(context, kind=FUNCTION, name=name, log=log)
        carried = {"then": then, "started_at": started_at}
        return self._wait_for(
            context, FunctionReadyTrigger, arguments={"FunctionName": name}, carried=carried
        )

    def _wait_for(
        self,
        context: Context,
        trigger_class: type[WaitTrigger],
        *,
        arguments: dict[str, str],
        carried: dict[str, Any],
    ) -> Any:
        data = self.hook.get_waiter(trigger_class.waiter).config
        trigger = trigger_class(
            arguments=arguments,
            connection=self._hook_parameters,
            delay_s=min(self.settings.poll_interval_s, MAX_DELAY_S),
            deadline=clock.now() + data.delay * data.max_attempts,
            carried=carried,
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

    def _taken_back(self, alias: Mapping[str, Any], *, version: str, why: str) -> LambdaError:
        """Let the version before answer all calls; return why, and what is missing where something is."""
        from musher.hooks.concurrency import bring_live, read_concurrency
        from musher.hooks.release_notes import find_note

        name, previous = self.function_name, str(alias["FunctionVersion"])
        _, note = find_note(self.hook, arn=str(alias["AliasArn"]).rpartition(":")[0])
        had = note.concurrency if note else None
        had = had or read_concurrency(self.hook, name=name, version=previous)
        self._end_scaling()
        missing = ""
        try:
            delay_s = self.settings.poll_interval_s
            bring_live(self.hook, name=name, version=previous, wanted=had, delay_s=delay_s)
        except LambdaError as error:
            missing = f" {error}"
        self._end_watch()
        return LambdaError(
            f"Alarm {why}. Version {version} of {name} was taken back: version {previous} "
            f"answers all calls of alias {self.alias} again.{missing} See log group "
            f"{names.function_log_group(name)}, correct the cause, then clear this task some minutes later: "
            "the alarms count the last ones."
        )

    def _cold(self, version: str, end: WaitEnd) -> LambdaError:
        """Return why a version's environments did not start; what was asked for is taken back."""
        from musher.hooks.concurrency import explain_failure, stop_provisioning

        name = self.function_name
        why = end.message or explain_failure(self.hook, name=name, version=version)
        stop_provisioning(self.hook, name=name, version=version)
        return cold(
            name,
            version=version,
            asked=self.concurrency.provisioned,
            count=end.carried["provisioned"],
            why=f"{why}. The alias {self.alias} has not moved",
        )
