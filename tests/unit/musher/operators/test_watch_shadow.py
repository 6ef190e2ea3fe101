"""WatchShadowOperator: what was served before is served afterwards, whatever happens."""

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from musher.hooks import shadow_figures
from musher.hooks.endpoints import has_other_type, release_of
from musher.hooks.releases import confirm_endpoint, put_endpoint_back, read_endpoint, see_release
from musher.operators import endpoints, shadows
from musher.operators.endpoints import DeployEndpointOperator
from musher.operators.shadows import WatchShadowOperator
from musher.payloads.tags import CONFIRMED_TAG, PREVIOUS_TAG, SHADOW_TAG, as_list, live_tags
from musher.settings import Settings
from musher.triggers.waits import WaitTrigger
from tests.unit.musher.operators.fakes import FakeClock, FakeHook, FakeTask
from tests.unit.musher.operators.test_deploy_endpoint import (
    CONFIG,
    NAME,
    OLDER,
    REQUEST,
    VARIANT,
    FakeAlarms,
    FakeSageMaker,
)

SETTINGS = Settings(account_id="123456789012", poll_interval_s=10)
LIMITS = {"max_error_percent": 5, "max_latency_ms": 2000}
SHADOWED: dict[str, Any] = {
    **REQUEST,
    "EndpointConfig": {**REQUEST["EndpointConfig"], "Tags": as_list(live_tags(SETTINGS, slug="0123abcd"))},
    "Shadow": {"role": "shadow", "percent": 50, "seconds": 600, "limits": LIMITS},
}
GOOD: Any = {"requests": 400, "errors_4xx": 0, "errors_5xx": 0, "p50_ms": 20.0, "p99_ms": 90.0}
VERSIONS = "musher-0123abcd-"


class Mirroring(FakeSageMaker):
    """SageMaker with the members of an endpoint that a shadow's configuration is made of."""

    def create_endpoint_config(self, **request: Any) -> None:
        super().create_endpoint_config(**request)
        name = request["EndpointConfigName"]
        self.add_tags(ResourceArn=f"arn:{name}", Tags=request.get("Tags", []))

    def describe_endpoint(self, *, EndpointName: str) -> dict[str, Any]:  # noqa: N803
        answer = super().describe_endpoint(EndpointName=EndpointName)
        names = ["AllTraffic", *(["musher-new"] if answer["EndpointConfigName"] == "both" else [])]
        variants = [{"VariantName": name, "DesiredInstanceCount": 2, "DesiredWeight": 1.0} for name in names]
        modified = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)
        return {**answer, "ProductionVariants": variants, "LastModifiedTime": modified}


@pytest.fixture
def aws(fake_clock: FakeClock) -> Mirroring:
    """A live endpoint that serves an older configuration."""
    made = Mirroring()
    made.create_endpoint_config(EndpointConfigName=OLDER, ProductionVariants=[VARIANT])
    made.create_endpoint(EndpointName=NAME, EndpointConfigName=OLDER)
    made.endpoints[NAME]["states"] = ["InService"]
    return made


@pytest.fixture(autouse=True)
def alarms(monkeypatch: pytest.MonkeyPatch) -> FakeAlarms:
    made = FakeAlarms()
    for module in (endpoints, shadows):
        monkeypatch.setattr(module, "cloudwatch_hook", lambda settings: made)
    return made


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What CloudWatch has counted, by variant."""
    found = {"AllTraffic": {**GOOD, "requests": 800}, "later": {**GOOD, "requests": 760}, CONFIG: dict(GOOD)}

    def read(hook: Any, *, endpoint_name: str, variant: str, since: datetime) -> Any:
        begin = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)
        assert (endpoint_name, since - begin) in [(NAME, timedelta()), (NAME, timedelta(minutes=1))]
        return found["later" if since > begin else variant]

    monkeypatch.setattr(shadow_figures, "read_figures", read)
    return found


@pytest.fixture
def watch(aws: Mirroring, figures: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that runs a try of the task."""
    hook = FakeHook(aws, "sagemaker")
    monkeypatch.setattr(WaitTrigger, "hook", hook)

    def run(
        config: dict[str, Any] = SHADOWED, *, task: Any = WatchShadowOperator, context: Any = None
    ) -> dict[str, Any]:
        operator = task(task_id="watch_shadow", config=config)
        operator.__dict__ |= {"hook": hook, "settings": SETTINGS}
        return dict(operator.execute(context or FakeTask().context()))

    return run


def served(aws: Mirroring) -> str:
    """Return the configuration that the endpoint has."""
    return str(aws.endpoints[NAME]["EndpointConfigName"])


def shadow_config(aws: Mirroring) -> str:
    """Return the name of the configuration with a shadow."""
    [found] = [name for name, config in aws.configs.items() if "ShadowProductionVariants" in config]
    return found


def test_a_good_model_is_watched_for_the_time_and_taken_out_again(
    watch: Any, aws: Mirroring, fake_clock: FakeClock
) -> None:
    result = watch()
    assert (result["release"], result["faults"], result["reason"]) == (OLDER, [], "")
    assert (result["production"]["requests"], result["shadow"]) == (800, GOOD)
    assert 600 in fake_clock.slept
    assert served(aws) == OLDER
    assert aws.calls.count("update_endpoint") == 2


def test_a_bad_model_fails_for_good_with_the_figures_once_what_served_is_back(
    watch: Any, aws: Mirroring, figures: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    figures[CONFIG]["errors_5xx"] = 40
    with pytest.raises(AirflowFailException, match=r"bad in the shadow of musher-c0: 10.0 % of its answers"):
        watch()
    assert "400 requests, 40 5XX" in caplog.text
    assert served(aws) == OLDER


CHALLENGING: dict[str, Any] = {**SHADOWED, "Shadow": {**SHADOWED["Shadow"], "role": "challenger"}}


def test_a_good_challenger_answers_for_the_time_and_is_taken_out_again(
    watch: Any, aws: Mirroring, figures: dict[str, Any], fake_clock: FakeClock
) -> None:
    """It is looked at each minute, as users get its answers."""
    figures[CONFIG]["requests"] = 760
    started = fake_clock.now()
    result = watch(CHALLENGING)
    assert (result["role"], result["faults"], result["reason"]) == ("challenger", [], "")
    assert fake_clock.slept.count(60) == 10
    assert fake_clock.now() - started >= 600
    assert served(aws) == OLDER
    [both] = [config for config in aws.configs.values() if len(config["ProductionVariants"]) == 2]
    assert both["ProductionVariants"][1]["VariantName"] == CONFIG


def test_a_challenger_whose_minutes_cloudwatch_shows_later_is_not_taken_for_dead(
    watch: Any, figures: dict[str, Any], fake_clock: FakeClock
) -> None:
    """After a minute or two, one minute that is not there yet is more than half of all."""
    figures[CONFIG]["requests"] = 120

    def show() -> None:
        figures[CONFIG]["requests"] = 760 if fake_clock.slept.count(60) > 1 else 120

    fake_clock.on_sleep = show
    assert watch(CHALLENGING)["faults"] == []
    fake_clock.on_sleep = lambda: figures[CONFIG].update(requests=120)
    with pytest.raises(AirflowFailException, match="120 of about 760 requests that were due"):
        watch(CHALLENGING)


def test_a_bad_challenger_is_taken_out_at_the_next_look(
    watch: Any, aws: Mirroring, figures: dict[str, Any], fake_clock: FakeClock
) -> None:
    figures[CONFIG] |= {"requests": 760, "errors_5xx": 380}
    with pytest.raises(AirflowFailException, match=r"as the challenger of musher-c0: 50.0 % of its answers"):
        watch(CHALLENGING)
    assert fake_clock.slept.count(60) == 1
    assert 600 not in fake_clock.slept
    assert served(aws) == OLDER


def test_the_report_gets_the_figures_of_a_bad_model_too(watch: Any, figures: dict[str, Any]) -> None:
    """A task that fails leaves no result by itself."""
    figures[CONFIG]["errors_5xx"] = 40
    context, left = FakeTask().context(), dict[str, Any]()
    context["ti"].xcom_push = lambda *, key, value: left.update({key: value})
    with pytest.raises(AirflowFailException):
        watch(context=context)
    assert left["return_value"]["shadow"]["errors_5xx"] == 40
    assert left["return_value"]["faults"]


def test_a_shadow_that_is_dead_is_told_from_one_that_nobody_asks(watch: Any, figures: dict[str, Any]) -> None:
    figures[CONFIG] |= {"requests": 5, "p50_ms": None, "p99_ms": None}
    with pytest.raises(AirflowFailException, match="5 of about 380 requests that were due reached it"):
        watch()
    figures["later"]["requests"] = 12
    assert "5 requests reached it" in watch()["reason"]


def test_all_that_a_wait_carries_survives_the_database(watch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deferred task goes on in another process, with what JSON can hold."""
    wait_for, steps = WatchShadowOperator.wait_for, list[str]()

    def stored(self: Any, context: Any, trigger: Any) -> Any:
        trigger.carried = json.loads(json.dumps(trigger.serialize()[1]["carried"]))
        steps.append(trigger.carried["step"])
        return wait_for(self, context, trigger)

    monkeypatch.setattr(WatchShadowOperator, "wait_for", stored)
    assert watch()["faults"] == []
    assert steps == ["started", "watched", "ended"]


def test_too_few_requests_are_no_judgement_and_a_warning(
    watch: Any, figures: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    figures["later"]["requests"] = figures[CONFIG]["requests"] = 3
    with caplog.at_level(logging.WARNING):
        result = watch()
    assert result["reason"] == "3 requests reached it, and 100 are needed for a judgement"
    assert "NOT JUDGED" in caplog.text


def test_without_a_share_nothing_is_asked_of_aws(watch: Any, aws: Mirroring) -> None:
    calls = len(aws.calls)
    result = watch({**SHADOWED, "Shadow": None})
    assert (result["reason"], result["percent"]) == ("comparison_percent is 0", 0)
    assert len(aws.calls) == calls


@pytest.mark.parametrize(
    ("status", "reason"), [("gone", "does not serve yet"), ("Deleting", "does not serve yet")]
)
def test_where_nothing_serves_there_is_no_shadow(
    status: str, reason: str, watch: Any, aws: Mirroring
) -> None:
    aws.endpoints[NAME]["states"] = [status]
    if status == "gone":
        aws.endpoints.clear()
    assert reason in watch()["reason"]


def test_a_model_that_serves_already_has_no_shadow_of_itself(watch: Any, aws: Mirroring) -> None:
    aws.create_endpoint_config(EndpointConfigName=CONFIG, ProductionVariants=[VARIANT])
    aws.endpoints[NAME]["EndpointConfigName"] = CONFIG
    assert watch()["reason"] == f"{NAME} serves this model already"


def test_what_somebody_else_does_to_the_endpoint_is_waited_for(watch: Any, aws: Mirroring) -> None:
    aws.endpoints[NAME]["states"] = ["Updating", "Updating", "InService"]
    assert watch()["faults"] == []
    assert served(aws) == OLDER


def test_a_retry_goes_on_with_the_shadow_of_the_try_before(watch: Any, aws: Mirroring) -> None:
    watch()
    aws.endpoints[NAME]["EndpointConfigName"] = shadow_config(aws)
    calls = len(aws.calls)
    assert watch()["release"] == OLDER
    assert aws.calls[calls:] == ["update_endpoint"]
    assert served(aws) == OLDER


def test_a_ringing_alarm_lets_no_shadow_begin(watch: Any, aws: Mirroring, alarms: FakeAlarms) -> None:
    alarms.ringing = {"musher-live-errors"}
    with pytest.raises(AirflowFailException, match="got no shadow, as alarm musher-live-errors"):
        watch()
    assert "update_endpoint" not in aws.calls


def test_a_shadow_that_does_not_start_fails_with_aws_s_reason(watch: Any, aws: Mirroring) -> None:
    aws.is_taken_back = True
    with pytest.raises(AirflowFailException, match=f"is InService with {OLDER}, not with musher-0123abcd-"):
        watch()
    assert served(aws) == OLDER


def test_a_change_by_another_run_ends_the_watch_and_is_left_alone(
    watch: Any, aws: Mirroring, fake_clock: FakeClock
) -> None:
    def deploy() -> None:
        if fake_clock.slept[-1] == 600:
            aws.endpoints[NAME]["EndpointConfigName"] = "musher-other"

    fake_clock.on_sleep = deploy
    with pytest.raises(AirflowFailException, match="another run or a person has changed it"):
        watch()
    assert served(aws) == "musher-other"


def test_what_cannot_be_put_back_is_an_error(watch: Any, aws: Mirroring, fake_clock: FakeClock) -> None:
    def refuse() -> None:
        aws.is_taken_back = fake_clock.slept[-1] == 600 or aws.is_taken_back

    fake_clock.on_sleep = refuse
    with pytest.raises(AirflowFailException, match="did not bring musher-c0 back"):
        watch()


@pytest.mark.parametrize(
    "variants",
    [[VARIANT, VARIANT], [{"ServerlessConfig": {"MaxConcurrency": 1}}], [{"InstanceType": "ml.inf1.xlarge"}]],
)
def test_what_can_have_no_shadow_is_refused_before_anything_changes(
    variants: list[dict[str, Any]], watch: Any, aws: Mirroring
) -> None:
    aws.configs[OLDER]["ProductionVariants"] = variants
    with pytest.raises(AirflowFailException, match="musher-c0 has no shadow"):
        watch()
    assert "update_endpoint" not in aws.calls


def shadowed(watch: Any, aws: Mirroring) -> FakeHook:
    """Leave the endpoint as a lost task does: with its shadow."""
    watch()
    aws.endpoints[NAME] |= {"EndpointConfigName": shadow_config(aws), "states": ["InService"]}
    return FakeHook(aws, "sagemaker")


def test_the_teardown_puts_back_what_a_lost_task_left(watch: Any, aws: Mirroring) -> None:
    hook: Any = shadowed(watch, aws)
    confirm_endpoint(hook, name=NAME, versions=VERSIONS)
    done = put_endpoint_back(
        hook, name=NAME, versions=VERSIONS, delay_s=0, end_watch=lambda: None, scaler=hook
    )
    assert done == [f"{shadow_config(aws)} from {NAME}: {OLDER} serves again"]
    assert served(aws) == OLDER


def test_what_comes_after_a_shadow_came_after_the_release(watch: Any, aws: Mirroring) -> None:
    hook: Any = shadowed(watch, aws)
    assert release_of(hook, config_name=shadow_config(aws)) == OLDER
    assert watch(task=DeployEndpointOperator)["previous_config_name"] == OLDER


def test_going_back_from_a_shadow_goes_back_from_the_release(watch: Any, aws: Mirroring) -> None:
    aws.add_tags(ResourceArn=f"arn:{OLDER}", Tags=as_list({"musher:previous": "musher-first"}))
    hook: Any = shadowed(watch, aws)
    endpoint = read_endpoint(hook, name=NAME)
    assert endpoint is not None
    assert (endpoint.shadow_of, endpoint.previous) == (OLDER, OLDER)
    seen = see_release(hook, endpoint)
    assert (seen.config_name, seen.previous) == (OLDER, "musher-first")
    assert see_release(hook, seen) == seen


def test_a_run_that_fails_while_another_compares_takes_back_its_release(watch: Any, aws: Mirroring) -> None:
    """Its model answers users meanwhile, and the other run's end would bring it back."""
    aws.add_tags(ResourceArn=f"arn:{OLDER}", Tags=as_list({"musher:previous": "musher-first"}))
    aws.create_endpoint_config(EndpointConfigName="musher-first", ProductionVariants=[VARIANT])
    hook: Any = shadowed(watch, aws)
    done = put_endpoint_back(hook, name=NAME, versions=OLDER, delay_s=0, end_watch=lambda: None, scaler=hook)
    assert done == [f"{OLDER} from {NAME}: musher-first serves again"]
    assert served(aws) == "musher-first"


def test_a_run_that_is_good_while_another_compares_keeps_its_release(watch: Any, aws: Mirroring) -> None:
    hook: Any = shadowed(watch, aws)
    confirm_endpoint(hook, name=NAME, versions=OLDER)
    assert CONFIRMED_TAG in aws.tags[f"arn:{OLDER}"]
    assert CONFIRMED_TAG not in aws.tags[f"arn:{shadow_config(aws)}"]
    assert not put_endpoint_back(
        hook, name=NAME, versions=OLDER, delay_s=0, end_watch=lambda: None, scaler=hook
    )


def test_a_release_whose_configuration_is_gone_is_not_taken_for_the_first(watch: Any, aws: Mirroring) -> None:
    hook: Any = shadowed(watch, aws)
    del aws.configs[OLDER]
    assert not put_endpoint_back(
        hook, name=NAME, versions=OLDER, delay_s=0, end_watch=lambda: None, scaler=hook
    )
    assert NAME in aws.endpoints


def test_a_release_that_is_deployed_again_amid_a_comparison_does_not_come_after_itself(
    watch: Any, aws: Mirroring
) -> None:
    """Its run is cleared while another one compares: what served before it is still what it goes back to."""
    aws.add_tags(ResourceArn=f"arn:{OLDER}", Tags=as_list({"musher:previous": "musher-first"}))
    shadowed(watch, aws)
    again = {
        **REQUEST,
        "EndpointConfig": {**REQUEST["EndpointConfig"], "EndpointConfigName": OLDER},
        "Endpoint": {**REQUEST["Endpoint"], "EndpointConfigName": OLDER},
        "Update": {**REQUEST["Update"], "EndpointConfigName": OLDER},
    }
    assert watch(again, task=DeployEndpointOperator)["previous_config_name"] == "musher-first"
    assert served(aws) == OLDER


def test_a_challenger_on_other_instances_is_taken_out_without_an_end_of_the_scaling(
    watch: Any, aws: Mirroring, figures: dict[str, Any]
) -> None:
    """The variant that scales keeps its type."""
    other = {**VARIANT, "InstanceType": "ml.c5.large"}
    config = {**CHALLENGING["EndpointConfig"], "ProductionVariants": [other]}
    figures[CONFIG]["requests"] = 760
    watch({**CHALLENGING, "EndpointConfig": config})
    [both] = [name for name, config in aws.configs.items() if len(config["ProductionVariants"]) == 2]
    hook: Any = FakeHook(aws, "sagemaker")
    assert not has_other_type(hook, current=both, wanted=OLDER)
    assert has_other_type(hook, current=both, wanted=CONFIG)


@pytest.mark.parametrize("when", [(1, False), (1, True), (2, True)], ids=["starts", "watched", "ends"])
@pytest.mark.parametrize(
    ("status", "says"),
    [("UpdateRollbackFailed", "is UpdateRollbackFailed, and AWS"), ("Deleting", "is gone")],
)
def test_an_endpoint_that_serves_no_longer_is_not_watched_and_not_called_put_back(
    watch: Any, aws: Mirroring, fake_clock: FakeClock, status: str, says: str, when: tuple[int, bool]
) -> None:
    """AWS could neither end nor take back an update, or somebody removes the endpoint."""

    def end() -> None:
        if (aws.calls.count("update_endpoint"), 600 in fake_clock.slept) == when:
            aws.endpoints[NAME]["states"] = [status]

    fake_clock.on_sleep = end
    with pytest.raises(AirflowFailException, match=says):
        watch()
    assert aws.calls.count("update_endpoint") == when[0]


def test_a_release_that_another_run_compares_with_at_once_is_in_service(
    watch: Any, aws: Mirroring, fake_clock: FakeClock
) -> None:
    """The other run has waited for this one's update, and may see its end first."""

    def challenge() -> None:
        if served(aws) == CONFIG:
            tags = as_list({SHADOW_TAG: CONFIG, PREVIOUS_TAG: CONFIG})
            aws.create_endpoint_config(EndpointConfigName="both", ProductionVariants=[VARIANT], Tags=tags)
            aws.endpoints[NAME] |= {"EndpointConfigName": "both", "states": ["Updating", "InService"]}

    fake_clock.on_sleep = challenge
    result = watch(task=DeployEndpointOperator)
    assert (result["config_name"], result["previous_config_name"], result["instances"]) == (CONFIG, OLDER, 2)
