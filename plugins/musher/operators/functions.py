"""Deploy a Lambda function, whether it exists or not."""

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from musher import clock, names
from musher.console_kinds import FUNCTION
from musher.errors import LambdaError
from musher.hooks.functions import MusherLambdaHook, move_alias
from musher.links import LINKS
from musher.operators.base import MusherOperator, fail_without_retry
from musher.payloads.tags import RUN_TAG
from musher.results import FunctionResult
from musher.triggers.functions import FunctionProvisionedTrigger, FunctionReadyTrigger
from musher.triggers.waits import SUCCESS, WaitEnd, WaitTrigger

if TYPE_CHECKING:
    from musher.payloads.concurrency import Concurrency

logger = logging.getLogger(__name__)

MAX_DELAY_S = 2.0
"""A function is ready within seconds, so a longer interval between two looks would only be waited out."""

UPDATE_CODE, UPDATE_CONFIGURATION, PUBLISH, GO_LIVE = (
    "update_code",
    "update_configuration",
    "publish",
    "go_live",
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
    """

    aws_hook_class = MusherLambdaHook
    template_fields: Sequence[str] = aws_template_fields("config")
    template_fields_renderers = {"config": "json"}  # noqa: RUF012  # the base class's own type
    ui_color = "#ff7300"
    operator_extra_links = LINKS

    def __init__(self, *, config: Any, alias: str, **kwargs: Any) -> None:
        """Take {"Function", "Concurrency"} (templated, so also an earlier task's result), and a name.

        They are a CreateFunction request and the members of `Concurrency`.
        """
        super().__init__(**kwargs)
        self.config = config
        self.alias = alias

    def execute(self, context: Context) -> Any:
        """Return a FunctionResult; its seconds are those until the function was ready."""
        self.know_run(context)
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

    def go_on(self, context: Context, end: WaitEnd) -> Any:
        """Make the next change of the function, or return it."""
        from musher.payloads.functions import build_code_update, build_configuration_update

        if end.carried["then"] == GO_LIVE:
            return self.go_live(end)
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
        from musher.hooks.concurrency import start_provisioning  # no business of the DAG's parse

        name, hook = self.function_name, self.hook
        version = str(hook.conn.publish_version(FunctionName=name)["Version"])
        previous = self.note(str(description["FunctionArn"]), version=version)
        carried = {"then": GO_LIVE, "started_at": started_at, "version": version, "previous": previous}
        if not start_provisioning(hook, name=name, version=version, wanted=self.concurrency):
            return self.go_live(WaitEnd(outcome=SUCCESS, carried=carried))
        arguments = {"FunctionName": name, "Qualifier": version}
        return self._wait_for(context, FunctionProvisionedTrigger, arguments=arguments, carried=carried)

    def go_live(self, end: WaitEnd) -> FunctionResult:
        """Move the alias to a version that is warm; take from the one before what it had provisioned."""
        from musher.hooks.concurrency import settle

        version, name = str(end.carried["version"]), self.function_name
        if end.outcome != SUCCESS:
            raise self._cold(version, end)
        alias = self.hook.find_alias(name, alias=self.alias)
        if alias is None or alias["FunctionVersion"] != version:
            alias = move_alias(self.hook, function_name=name, alias=self.alias, version=version)
        settle(self.hook, name=name, version=version, wanted=self.concurrency)
        return FunctionResult(
            function_name=name,
            function_arn=str(alias["AliasArn"]),
            alias=self.alias,
            version=version,
            previous_version=end.carried["previous"],
            reserved=self.concurrency.reserved,
            provisioned=self.concurrency.provisioned,
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
            has = read_concurrency(self.hook, name=name, version=stands_for)
            note = ReleaseNote(run=run, previous=stands_for, next=version, concurrency=has)
            write_note(self.hook, arn=arn, note=note)
        return note.previous

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

    def _cold(self, version: str, end: WaitEnd) -> LambdaError:
        """Return why a version's environments did not start; what was asked for is taken back."""
        from musher.hooks.concurrency import explain_failure, stop_provisioning

        name = self.function_name
        why = end.message or explain_failure(self.hook, name=name, version=version)
        stop_provisioning(self.hook, name=name, version=version)
        return LambdaError(
            f"function_provisioned is {self.concurrency.provisioned}, and AWS has not started so many "
            f"environments of version {version} of {name}: {why}. The alias {self.alias} has not moved. See "
            f"log group {names.function_log_group(name)}, then clear this task; 0 provisions none."
        )
