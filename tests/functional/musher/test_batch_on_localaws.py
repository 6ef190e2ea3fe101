"""A batch transform job that really serves its model, on the test split of a data set that was staged."""

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.generated_photos import write_photos
from musher import names
from musher.datasets.s3_connection import S3Connection
from musher.datasets.staging import stage
from musher.hooks.connection import s3_hook, sagemaker_hook
from musher.hooks.endpoints import remove_versions
from musher.hooks.jobs import stop_transform_jobs
from musher.hooks.objects import upload_once
from musher.operators.transform import RunTransformJobOperator
from musher.payloads.transform import build_transform
from musher.settings import Settings
from musher.stages import batch_plan
from musher.stages.run import Run
from tests.archives import pack
from tests.functional.musher.scripts import SAYS_WHAT_IT_GOT
from tests.unit.musher.operators.fakes import FakeTask
from tests.unit.musher.stages.test_stages import make_run

Make = Callable[..., Any]


def make_request(run: Run, folder: Path, *, monkeypatch: Any) -> dict[str, Any]:
    """Stage photos, and return the requests of the batch that the run asks for."""
    settings, hook = run.settings, s3_hook(run.settings)
    photos = write_photos(folder=folder, classes=2, train=2, valid=1, test=2, side=24)
    s3 = S3Connection(client=hook.get_conn(), session=hook.get_session(), verify=hook.verify)
    bucket = names.bucket(settings)
    dataset = stage(s3=s3, bucket=bucket, prefix=settings.project, source=str(photos))
    key = f"{settings.project}/jobs/{run.slug}/model.tar.gz"
    archive = pack({"code/serve.py": SAYS_WHAT_IT_GOT})
    verdict: Any = {
        "package_arn": "any",
        "model_uri": upload_once(hook, settings, key=key, data=archive),
    }
    image: Any = {"uri": "registry/serve:1"}
    monkeypatch.setattr(batch_plan, "check_approved", lambda hook, package_arn: None)
    return build_transform(settings, plan=batch_plan.plan_batch(run, verdict, image, dataset))


def test_the_test_split_is_answered_once_and_nothing_is_left_but_the_answers(
    installation: Settings,
    with_settings: Make,
    airflow_task: FakeTask,
    tmp_path: Path,
    monkeypatch: Any,
) -> None:
    params = {
        "batch_input": "test",
        "endpoint_instance_type": "ml.m5.large",
        "endpoint_instance_count": 1,
        "max_runtime_s": 600,
    }
    run = replace(make_run(installation, **params), run_id=uuid.uuid4().hex)
    request = make_request(run, tmp_path, monkeypatch=monkeypatch)
    found = with_settings(RunTransformJobOperator(task_id="a", config=request)).execute(
        airflow_task.context()
    )
    assert (found["images"], found["instances"]) == (4, 1)
    assert found["seconds"] >= found["billed_seconds"] > 0
    again = with_settings(RunTransformJobOperator(task_id="b", config=request)).execute(airflow_task.clear())
    assert again == found

    s3 = s3_hook(installation).get_conn()
    bucket, prefix = names.split_s3_uri(found["output_uri"])
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]]
    answers = [json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys]
    assert {answer["type"] for answer in answers} == {"application/x-image"}
    assert all(answer["bytes"] > 0 for answer in answers)

    hook, job = sagemaker_hook(installation), names.batch_job(installation, slug=run.slug)
    assert stop_transform_jobs(hook, name=job) == []
    model = request["Model"]["ModelName"]
    assert remove_versions(hook, kind="Model", prefix=f"{job}-") == [model]
