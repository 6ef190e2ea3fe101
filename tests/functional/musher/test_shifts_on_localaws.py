"""A function's calls go over to a new version by shares, while users go on calling it."""

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from musher import names
from musher.hooks.canary import publish
from musher.hooks.concurrency import count_ready, list_provisioned
from musher.hooks.connection import autoscaling_hook, cloudwatch_hook, lambda_hook, s3_hook
from musher.hooks.function_scaling import list_scaled
from musher.hooks.functions import remove_function, weights_of
from musher.hooks.objects import upload_once
from musher.hooks.releases import put_alias_back
from musher.operators.functions import DeployFunctionOperator
from musher.packaging import pack_function
from musher.payloads.canary import Sighting
from musher.payloads.functions import FunctionPlan, build_function
from musher.payloads.tags import live_tags
from musher.settings import Settings
from musher.triggers.alarms import AlarmTrigger
from musher.triggers.here import run_here
from tests.unit.musher.operators.fakes import FakeTask

GOOD = "def handler(event, context):\n    return context.function_version\n"
ALSO_GOOD = GOOD + "# changed\n"
BUSY = "import time\n" + GOOD.replace("    return", "    time.sleep(0.3)\n    return")
SLOW = "import time\n" + GOOD.replace("    return", "    time.sleep(0.7)\n    return")
BROKEN = "def handler(event, context):\n    raise ValueError('broken')\n"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
SHIFT = {"shares_percent": [50], "max_error_percent": 5.0, "max_p99_ms": 500.0}
AT_ONCE = {**SHIFT, "shares_percent": [], "bake_s": 0}
BAKE_S = 8
"""Four minutes of this localaws: an alarm that is to ring has had the time."""


LEAST_CALLS = 40
"""Of which a version with half of the calls gets one to four fifths, but once in some 5,000 tests."""


class Call(NamedTuple):
    """One call of the alias: the version that answered, and whether it failed."""

    version: str
    is_error: bool


@pytest.fixture
def project(fast_localaws: Any, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation on a localaws in which a minute lasts two seconds, with bucket and role alone."""
    made = Settings(account_id="123456789012", project=f"s{uuid.uuid4().hex[:8]}", poll_interval_s=0.5)
    extra = json.dumps({"endpoint_url": fast_localaws.url})
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", f"aws://a:b@/?__extra__={quote(extra)}")
    fast_localaws.client("s3").create_bucket(Bucket=names.bucket(made))
    role = names.role_arn(made, role="lambda").rpartition("/")[2]
    trust = json.dumps(TRUST)
    fast_localaws.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument=trust)
    return made


@pytest.fixture
def release(project: Settings, tmp_path: Path) -> Callable[..., Any]:
    """Return a function that makes the operator of a run that releases code."""

    def make(code: str, *, slug: str, bake_s: float = BAKE_S, **changes: Any) -> Any:
        (tmp_path / "musher_lambda.py").write_text(code)
        archive = pack_function(folder=tmp_path)
        key = names.function_key(project, code_hash=archive.code_hash)
        upload_once(s3_hook(project), project, key=key, data=archive.body)
        plan = FunctionPlan(
            name=names.live_function(project),
            code_key=key,
            endpoint_name="none",
            tags=live_tags(project, slug=slug),
        )
        config = {
            "Function": build_function(project, plan=plan),
            "Concurrency": {"reserved": None, "provisioned": 1},
            "Shift": {**SHIFT, "bake_s": bake_s},
        } | changes
        operator = DeployFunctionOperator(task_id="f", config=config, alias=names.LIVE_ALIAS)
        operator.__dict__["settings"] = project
        operator.deferrable = True
        return operator

    return make


def run_to_bake(operator: Any) -> tuple[Any, Any]:
    """Run a try until it waits for its alarm; return None and that wait, or the result and None."""

    def step(go: Callable[[], Any]) -> tuple[Any, Any]:
        try:
            return go(), None
        except TaskDeferred as wait:
            return None, wait.trigger

    result, trigger = step(lambda: operator.execute(FakeTask().context()))
    while trigger is not None and not isinstance(trigger, AlarmTrigger):
        event = run_here(trigger, must_leave=lambda: False)
        result, trigger = step(lambda event=event: operator.resume(FakeTask().context(), event))
    return result, trigger


@pytest.fixture
def call(project: Settings, fast_localaws: Any) -> Callable[[], Call]:
    """Return a function that calls the live function as users do; AWS's refusals raise."""
    client = fast_localaws.client("lambda", read_timeout=80)

    def make() -> Call:
        answer = client.invoke(FunctionName=names.live_function(project), Qualifier=names.LIVE_ALIAS)
        answer["Payload"].read()
        return Call(version=answer["ExecutedVersion"], is_error="FunctionError" in answer)

    return make


def call_while(
    trigger: Any, call: Callable[[], Call], *, least: int = LEAST_CALLS
) -> tuple[list[Call], dict[str, Any]]:
    """Call until a wait ends, and so often that chance tells; return the calls and the event."""
    calls = []
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting = pool.submit(run_here, trigger, must_leave=lambda: False)
        while not waiting.done() or len(calls) < least:
            calls.append(call())
        return calls, waiting.result()


def alarms(settings: Settings) -> list[Any]:
    """Return the function's alarms."""
    wanted = list(names.function_alarms(names.live_function(settings)))
    found: list[Any] = cloudwatch_hook(settings).conn.describe_alarms(AlarmNames=wanted)["MetricAlarms"]
    return found


def find_live(settings: Settings) -> Any:
    """Return what the live alias stands for, and the shares of others."""
    alias = lambda_hook(settings).find_alias(names.live_function(settings), alias=names.LIVE_ALIAS)
    assert alias
    return alias["FunctionVersion"], weights_of(alias)


def provisioned(settings: Settings) -> set[str]:
    """Return the versions that are kept warm."""
    found = list_provisioned(lambda_hook(settings), name=names.live_function(settings))
    return {version for version, config in found.items() if config["Status"] == "READY"}


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_no_call_fails_while_a_good_version_gets_its_share_and_then_all(
    project: Settings, release: Any, call: Callable[[], Call]
) -> None:
    slug = uuid.uuid4().hex[:8]
    result, _ = run_to_bake(release(GOOD, slug="0123abcd"))
    assert (result["version"], alarms(project)) == ("1", [])

    _, lost = run_to_bake(release(ALSO_GOOD, slug=slug))
    assert isinstance(lost, AlarmTrigger)
    assert find_live(project) == ("1", {"2": 0.5})
    operator = release(ALSO_GOOD, slug=slug)  # the retry of a task whose worker and triggerer are gone
    _, trigger = run_to_bake(operator)
    assert provisioned(project) == {"1", "2"}
    watching = {alarm["AlarmName"] for alarm in alarms(project)}
    assert watching == set(names.function_alarms(names.live_function(project)))
    calls, event = call_while(trigger, call)
    assert not [one for one in calls if one.is_error]
    share = Counter(one.version for one in calls)
    assert set(share) == {"1", "2"}
    assert 0.2 < share["2"] / len(calls) < 0.8, share

    result = operator.resume(FakeTask().context(), event)
    assert (result["version"], result["previous_version"]) == ("2", "1")
    assert (find_live(project), provisioned(project), alarms(project)) == (("2", {}), {"2"}, [])
    assert {call() for _ in range(10)} == {Call(version="2", is_error=False)}
    remove_function(lambda_hook(project), name=names.live_function(project))


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_a_version_that_fails_is_taken_back_and_nothing_is_lost_beyond_its_share(
    project: Settings, release: Any, call: Callable[[], Call]
) -> None:
    slug = uuid.uuid4().hex[:8]
    run_to_bake(release(GOOD, slug="0123abcd"))
    operator = release(BROKEN, slug=slug, bake_s=300)
    _, trigger = run_to_bake(operator)
    calls, event = call_while(trigger, call)
    assert event["outcome"] == "success", "the alarm has rung"
    with pytest.raises(AirflowFailException, match=r"-errors rang: Threshold Crossed.*version 1 answers all"):
        operator.resume(FakeTask().context(), event)
    assert (find_live(project), provisioned(project), alarms(project)) == (("1", {}), {"1"}, [])
    calls += [call() for _ in range(20)]
    lost_beyond_the_canary = [one for one in calls if one.is_error and one.version != "2"]
    assert lost_beyond_the_canary == []
    assert not [one for one in calls[-20:] if one.version != "1"]
    assert any(one.is_error for one in calls)

    undo: Any = {"name": names.live_function(project), "slug": slug, "delay_s": 0.1}
    assert (
        put_alias_back(lambda_hook(project), **undo, end_watch=lambda: None, end_scaling=lambda: None) == []
    )
    remove_function(lambda_hook(project), name=names.live_function(project))


@pytest.mark.slow
@pytest.mark.timeout(500)
@pytest.mark.parametrize("why", ["duration", "canary"])
def test_a_version_that_is_slow_or_that_its_test_finds_bad_is_taken_back(
    project: Settings, release: Any, call: Callable[[], Call], why: str
) -> None:
    slug = uuid.uuid4().hex[:8]
    run_to_bake(release(GOOD, slug="0123abcd"))
    operator = release(SLOW if why == "duration" else ALSO_GOOD, slug=slug, bake_s=300)
    _, trigger = run_to_bake(operator)
    if why == "canary":
        assert publish(project, Sighting(is_good=True, version="1"))
        assert publish(project, Sighting(is_good=False, version="2"))
    _, event = call_while(trigger, call, least=0)
    assert event["outcome"] == "success", "an alarm has rung"
    said = rf"(-{why} rang: Threshold Crossed|rang, and rings no longer).*version 1 answers all"
    with pytest.raises(AirflowFailException, match=said):
        operator.resume(FakeTask().context(), event)
    assert (find_live(project), provisioned(project), alarms(project)) == (("1", {}), {"1"}, [])
    remove_function(lambda_hook(project), name=names.live_function(project))


def wait_for_ready(settings: Settings, *, version: str, count: int) -> None:
    """Return once so many environments of a version are started."""
    deadline = time.monotonic() + 180
    hook, name = lambda_hook(settings), names.live_function(settings)
    while (found := count_ready(hook, name=name, version=version)) != count:
        assert time.monotonic() < deadline, f"{found} are started, not {count}"
        time.sleep(0.2)


@contextmanager
def calls_of(call: Callable[[], Call], *, callers: int) -> Iterator[None]:
    """Let so many callers call, each at once again as it is answered; a call that fails fails the test."""
    is_over = Event()

    def repeat() -> None:
        while not is_over.is_set():
            assert not call().is_error

    with ThreadPoolExecutor(max_workers=callers) as pool:
        running = [pool.submit(repeat) for _ in range(callers)]
        try:
            yield
        finally:
            is_over.set()
        for one in running:
            one.result()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_is_provisioned_follows_its_use_and_the_next_version_begins_with_as_many(
    project: Settings, release: Any, call: Callable[[], Call]
) -> None:
    """One caller keeps a third of three environments busy: less than nine tenths of the half aimed at."""
    asked: Any = {
        "Scaling": {"least": 1, "most": 3, "target_percent": 50.0, "schedule": ["rate(999 days) 1 3"]},
        "Shift": AT_ONCE,
    }
    scaler, name = autoscaling_hook(project), names.live_function(project)
    run_to_bake(release(BUSY, slug="0123abcd", **asked))
    assert list_scaled(scaler, name=name) == ["1"]
    with calls_of(call, callers=3):
        wait_for_ready(project, version="1", count=3)
    with calls_of(call, callers=1):
        wait_for_ready(project, version="1", count=2)

    result, _ = run_to_bake(release(ALSO_GOOD, slug=uuid.uuid4().hex[:8], **asked))
    assert (result["version"], result["provisioned"]) == ("2", 2)
    assert list_scaled(scaler, name=name) == ["2"]
    assert provisioned(project) == {"2"}

    result, _ = run_to_bake(release(ALSO_GOOD, slug=uuid.uuid4().hex[:8], Shift=AT_ONCE))
    assert (result["version"], result["provisioned"]) == ("2", 1)
    assert list_scaled(scaler, name=name) == []
    remove_function(lambda_hook(project), name=name)


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_what_nobody_calls_grows_and_shrinks_by_the_clock(project: Settings, release: Any) -> None:
    """Five minutes are ten seconds here."""

    def by_clock(line: str) -> Any:
        scaling = {"least": 1, "most": 3, "target_percent": 70.0, "schedule": [line]}
        return release(GOOD, slug=uuid.uuid4().hex[:8], Scaling=scaling, Shift=AT_ONCE)

    result, _ = run_to_bake(by_clock("rate(5 minutes) 3 3"))
    assert result["provisioned"] == 1
    wait_for_ready(project, version="1", count=3)
    result, _ = run_to_bake(by_clock("rate(5 minutes) 1 1"))
    assert (result["version"], result["provisioned"]) == ("1", 3), "a release takes nothing from users"
    wait_for_ready(project, version="1", count=1)
    remove_function(lambda_hook(project), name=names.live_function(project))
