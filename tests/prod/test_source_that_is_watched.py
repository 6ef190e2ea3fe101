"""The production deployment with a source that is watched: photos start a run, across a lost triggerer."""

import json
from typing import Any

import pytest

from musher.params.retraining import RETRAINING
from scripts.airflow_api import AirflowApi
from scripts.local_stack import make_client
from scripts.production import LONG_RUNNING, Production, training_jobs
from tests.watched_source import WAIT_S, count_events, read_memory, wait_until

START_S = 900
PHOTOS = "photos-of-somebody"
WATCHED = {
    "MUSHER_RETRAIN_ON_NEW_DATA": "true",
    "MUSHER_RETRAIN_QUIET_S": "10",
    "MUSHER_RETRAIN_CONF": json.dumps({"source": f"s3://{PHOTOS}/new"}),
}
pytestmark = [pytest.mark.slow, pytest.mark.prod, pytest.mark.timeout(START_S + 2 * WAIT_S)]


def ended_runs(api: AirflowApi) -> list[dict[str, Any]]:
    """Return the runs that have ended, of those that nobody triggered."""
    runs: list[dict[str, Any]] = api.get(f"/dags/{RETRAINING}/dagRuns")["dag_runs"]
    return [run for run in runs if run["state"] in ("success", "failed")]


@pytest.mark.parametrize("deployment", [WATCHED], indirect=True)
def test_photos_start_one_run_and_a_lost_triggerer_s_heir_starts_no_other(deployment: Production) -> None:
    """What is put there are no photos: the run fails at its staging, which is all that is paid here."""
    s3 = make_client("s3", url=deployment.aws_url)
    s3.create_bucket(Bucket=PHOTOS)
    names = (*LONG_RUNNING, "worker-1")
    for name in names:
        deployment.start(name)
    deployment.wait_until_healthy(*names, timeout_s=START_S)
    api = deployment.log_in()
    deployment.wait_for_dag(api, timeout_s=120)
    wait_until(lambda: api.get("/dags?limit=100")["total_entries"] >= 6, what="all DAGs to be stored")
    assert api.get("/importErrors")["total_entries"] == 0
    api.unpause(RETRAINING)

    s3.put_object(Bucket=PHOTOS, Key="new/notes.txt", Body=b"no photo")
    [run] = wait_until(lambda: ended_runs(api), what="a run")
    assert run["run_type"] == "asset_triggered"
    assert api.tasks(RETRAINING, run["dag_run_id"])["stage_dataset"]["state"] == "failed"

    wait_until(lambda: read_memory(api), what="the watch to remember")
    deployment.kill("triggerer")
    deployment.start("triggerer")
    s3.put_object(Bucket=PHOTOS, Key="new/more.txt", Body=b"no photo either")
    wait_until(lambda: len(ended_runs(api)) == 2, what="another run")
    assert count_events(api) == 2
    assert training_jobs(make_client("sagemaker", url=deployment.aws_url)) == []
