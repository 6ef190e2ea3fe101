"""The load generator inside a job: what it makes of its order, and what it leaves."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from musher.errors import TrafficError
from musher.traffic import job, watched
from tests.unit.musher.load_records import measure_all

ORDER: job.Order = {
    "target": {"kind": "endpoint", "name": "musher-live", "images": ["s3://b/x/a.png", "s3://b/x/b.png"]},
    "load": {"kind": "ramp", "rate": 5, "peak_rate": 20, "duration_s": 10.0},
}


class FakeSession:
    """A session whose clients know two images and an endpoint of two instances, and sign by key."""

    refusal: ClientError | None = None
    described = 0

    def client(self, service: str, **_: Any) -> Any:
        return SimpleNamespace(
            meta=SimpleNamespace(
                endpoint_url=f"https://{service}",
                region_name="us-east-1",
                service_model=SimpleNamespace(signing_name="sagemaker"),
            ),
            get_object=self.get_object,
            generate_presigned_url=lambda name, Params, ExpiresIn: f"https://s3/{Params['Key']}",  # noqa: N803
            describe_endpoint=self.describe_endpoint,
        )

    def get_object(self, *, Bucket: str, Key: str) -> Any:  # noqa: N803
        if self.refusal:
            raise self.refusal
        return {"Body": SimpleNamespace(read=lambda: Key.encode()), "ContentType": "image/png"}

    def describe_endpoint(self, *, EndpointName: str) -> Any:  # noqa: N803
        self.described += 1
        return {"ProductionVariants": [{"CurrentInstanceCount": 2, "DesiredInstanceCount": 3}]}


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> FakeSession:
    made = FakeSession()
    monkeypatch.setattr(job.boto3, "Session", lambda: made)
    return made


@pytest.fixture
def sent(session: FakeSession, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Any]]:
    """The plans and origins that the generator gets."""
    found: list[tuple[Any, Any]] = []

    def send(plan: Any, origin: Any, *, tell: Any) -> dict[str, Any]:
        found.append((plan, origin))
        while not session.described and "endpoint" in origin.describe():
            pass  # the watch looks in a thread of its own
        return measure_all([0.02] * 50)

    monkeypatch.setattr(watched, "send", send)
    return found


def do(folder: Path, order: job.Order) -> Any:
    """Run the program on an order; return what it leaves."""
    for name in ("input/order", "output"):
        (folder / name).mkdir(parents=True)
    (folder / job.ORDER).write_text(json.dumps(order))
    assert job.main(folder) == 0
    return json.loads((folder / job.RESULT).read_text())


def test_the_load_of_the_order_goes_out_and_what_was_measured_stays(
    sent: list[tuple[Any, Any]], tmp_path: Path
) -> None:
    left = do(tmp_path, ORDER)
    assert left["measured"] == measure_all([0.02] * 50)
    assert left["target"] == ORDER["target"]
    assert (left["instances"][0]["current"], left["instances"][0]["desired"]) == (2, 3)
    [(plan, origin)] = sent
    assert [plan.load.rate_at(second) for second in (0, 10)] == [5, 20]
    assert origin.describe() == {
        "kind": "sagemaker",
        "endpoint": "musher-live",
        "variant": "",
        "url": "https://sagemaker-runtime/endpoints/musher-live/invocations",
    }


def test_a_function_gets_addresses_that_the_job_itself_has_signed(
    sent: list[tuple[Any, Any]], tmp_path: Path
) -> None:
    target = {**ORDER["target"], "kind": "function", "name": "musher-classify:live"}
    left = do(tmp_path, {**ORDER, "target": target})
    assert left["instances"] == []
    [(_, origin)] = sent
    assert origin.describe()["function"] == "musher-classify"
    assert origin.describe()["qualifier"] == "live"


def test_an_image_that_the_role_may_not_read_is_named(session: FakeSession, tmp_path: Path) -> None:
    """Alone: AWS shows a kilobyte of what a job says, and why stands last."""
    session.refusal = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")
    images = [f"s3://b/{'x' * 80}/{number}.png" for number in range(20)]
    with pytest.raises(TrafficError, match=r"^s3://b/x+/0\.png cannot be read: .*AccessDenied") as found:
        do(tmp_path, {**ORDER, "target": {**ORDER["target"], "images": images}})
    assert len(str(found.value)) < 1024
