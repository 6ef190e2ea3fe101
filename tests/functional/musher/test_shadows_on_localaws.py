"""A new model in the shadow of a live endpoint that is asked meanwhile."""

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from botocore.exceptions import ClientError

from musher import names
from musher.hooks.connection import autoscaling_hook, s3_hook, sagemaker_hook
from musher.hooks.endpoints import remove_endpoint
from musher.hooks.objects import upload_once
from musher.hooks.releases import put_endpoint_back, read_endpoint
from musher.operators import shadows
from musher.operators.endpoints import DeployEndpointOperator
from musher.operators.shadows import WatchShadowOperator
from musher.payloads.choices import CHALLENGER, RETENTION, SHADOW
from musher.payloads.endpoints import EndpointPlan, build_endpoint
from musher.payloads.tags import live_tags
from musher.settings import Settings
from tests.archives import pack
from tests.functional.musher.scripts import SAYS_WHAT_IT_GOT, serve_script
from tests.unit.musher.operators.fakes import FakeTask

Request = dict[str, Any]
ALWAYS_500 = serve_script("b'{}'", status="500")


@pytest.fixture
def request_of(installation: Settings, localaws: Any) -> Callable[..., Request]:
    """Return a function that makes the requests with which a run brings a model to the live endpoint."""

    def make(
        slug: str, *, script: str = SAYS_WHAT_IT_GOT, seconds: int = 8, role: str = SHADOW, percent: int = 100
    ) -> Request:
        key = f"{installation.project}/jobs/{slug}/model.tar.gz"
        model_uri = upload_once(
            s3_hook(installation), installation, key=key, data=pack({"code/serve.py": script})
        )
        version = names.endpoint_version(installation, slug=slug, content_hash="89abcdef")
        plan = EndpointPlan(
            model_name=version,
            endpoint_config_name=version,
            endpoint_name=names.live_endpoint(installation),
            image="registry/serve:1",
            model_uri=model_uri,
            package_arn=f"arn:{slug}",
            instance_type="ml.m5.large",
            instance_count=1,
            tags=live_tags(installation, slug=slug),
        )
        update = {"EndpointName": plan.endpoint_name, "EndpointConfigName": version, **RETENTION}
        limits = {"max_error_percent": 5, "max_latency_ms": 20_000}
        shadow = {"role": role, "percent": percent, "seconds": seconds, "limits": limits}
        return {**build_endpoint(installation, plan=plan), "Update": update, "Shadow": shadow}

    return make


@pytest.fixture
def live(
    installation: Settings, with_settings: Callable[..., Any], request_of: Callable[..., Request]
) -> Iterator[str]:
    """A live endpoint; return the name of its configuration."""
    operator = with_settings(DeployEndpointOperator(task_id="run_endpoint", config=request_of("5ade0000")))
    yield operator.execute(FakeTask().context())["config_name"]
    remove_endpoint(sagemaker_hook(installation), name=names.live_endpoint(installation), delay_s=0.1)


@dataclass
class Users:
    """What users got: the status of each answer, and of the good ones, which variant gave it."""

    statuses: list[int] = field(default_factory=list)
    variants: list[str] = field(default_factory=list)


@pytest.fixture
def users(installation: Settings, localaws: Any, live: str) -> Iterator[Users]:
    """Ask the live endpoint again and again; return what the answers so far say."""
    runtime, found, end = localaws.client("sagemaker-runtime"), Users(), threading.Event()

    def ask() -> None:
        while not end.wait(0.01):
            try:
                answer = runtime.invoke_endpoint(
                    EndpointName=names.live_endpoint(installation), Body=b"x", ContentType="image/jpeg"
                )
            except ClientError as error:
                found.statuses.append(error.response["OriginalStatusCode"])
            else:
                found.statuses.append(200)
                found.variants.append(answer["InvokedProductionVariant"])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    yield found
    end.set()
    for thread in threads:
        thread.join()


def serving(installation: Settings) -> str:
    """Return the configuration that the live endpoint has."""
    endpoint = read_endpoint(sagemaker_hook(installation), name=names.live_endpoint(installation))
    assert endpoint is not None
    return endpoint.config_name


@pytest.mark.slow
def test_a_good_model_is_watched_and_taken_out_again(
    live: str,
    users: Users,
    installation: Settings,
    with_settings: Callable[..., Any],
    request_of: Callable[..., Request],
) -> None:
    operator = with_settings(WatchShadowOperator(task_id="watch_shadow", config=request_of("5ade0001")))
    result = operator.execute(FakeTask().context())
    assert (result["release"], result["faults"], result["reason"]) == (live, [], "")
    for figures in (result["shadow"], result["production"]):
        assert figures["requests"] >= 100
        assert 0 < figures["p50_ms"] <= figures["p99_ms"]
    assert serving(installation) == live
    assert "ShadowProductionVariants" not in sagemaker_hook(installation).find_endpoint(
        names.live_endpoint(installation)
    )
    assert set(users.statuses) == {200}


@pytest.mark.slow
def test_a_bad_model_fails_the_task_and_what_served_before_serves_alone(
    live: str,
    users: Users,
    installation: Settings,
    with_settings: Callable[..., Any],
    request_of: Callable[..., Request],
) -> None:
    config = request_of("5ade0002", script=ALWAYS_500)
    operator = with_settings(WatchShadowOperator(task_id="watch_shadow", config=config))
    with pytest.raises(AirflowFailException, match=f"bad in the shadow of {live}: .*answers are 5XX"):
        operator.execute(FakeTask().context())
    assert serving(installation) == live
    assert set(users.statuses) == {200}


@pytest.mark.slow
def test_a_shadow_that_nobody_asks_is_not_judged_and_what_a_lost_task_left_is_put_back(
    live: str,
    installation: Settings,
    with_settings: Callable[..., Any],
    request_of: Callable[..., Request],
    caplog: pytest.LogCaptureFixture,
) -> None:
    config, hook = request_of("5ade0004", seconds=1), sagemaker_hook(installation)
    operator = with_settings(WatchShadowOperator(task_id="watch_shadow", config=config))
    with caplog.at_level(logging.WARNING):
        result = operator.execute(FakeTask().context())
    assert "NOT JUDGED" in caplog.text
    assert "0 requests reached it" in result["reason"]
    [left] = [
        name
        for name, _ in hook.list_resources("EndpointConfig", name_contains="5ade0004")
        if name != config["EndpointConfig"]["EndpointConfigName"]
    ]
    hook.conn.update_endpoint(EndpointName=names.live_endpoint(installation), EndpointConfigName=left)
    done = put_endpoint_back(
        hook,
        name=names.live_endpoint(installation),
        versions=names.endpoint_versions(installation, slug="5ade0004"),
        delay_s=0.1,
        end_watch=lambda: pytest.fail("the endpoint was to be removed"),
        scaler=autoscaling_hook(installation),
    )
    assert serving(installation) == live
    assert f"{live} serves again" in done[0]


@pytest.mark.slow
def test_a_challenger_answers_its_share_and_a_bad_one_is_taken_out_at_once(
    live: str,
    users: Users,
    installation: Settings,
    with_settings: Callable[..., Any],
    request_of: Callable[..., Request],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The users of a bad one get its errors: so a share of theirs, and no longer than until the next look."""
    monkeypatch.setattr(shadows, "LOOK_S", 4)
    good = request_of("5ade0005", role=CHALLENGER, percent=30)
    result = with_settings(WatchShadowOperator(task_id="watch_shadow", config=good)).execute(
        FakeTask().context()
    )
    assert (result["release"], result["faults"], result["reason"]) == (live, [], "")
    share = users.variants.count(good["EndpointConfig"]["EndpointConfigName"]) / result["shadow"]["requests"]
    assert share == pytest.approx(1, abs=0.1)
    assert serving(installation) == live
    bad = request_of("5ade0006", role=CHALLENGER, percent=30, script=ALWAYS_500, seconds=600)
    operator = with_settings(WatchShadowOperator(task_id="watch_shadow", config=bad))
    with pytest.raises(AirflowFailException, match=f"as the challenger of {live}: .*answers are 5XX"):
        operator.execute(FakeTask().context())
    assert serving(installation) == live
    assert users.statuses.count(500) > 10
