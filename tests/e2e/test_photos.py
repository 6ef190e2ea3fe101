"""The same DAG on photos in the dogImages layout: real ones where MUSHER_PHOTOS names some; 133 classes."""

import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from benchmarks.generated_photos import write_photos, zip_photos
from scripts.local_stack import BUCKET

RUN_S = 600


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a zip of photos: real ones if there are any on this machine."""
    named = os.environ.get("MUSHER_PHOTOS")
    if named:
        return Path(named).resolve()
    folder = tmp_path_factory.mktemp("photos")
    top = write_photos(folder=folder, classes=40, train=4, valid=1, test=1, side=400)
    return zip_photos(top=top, target=folder / "photos.zip")


def class_folders(path: Path) -> set[str]:
    """Return the class folders of a zip's training split."""
    with zipfile.ZipFile(path) as archive:
        return {
            name.split("/")[2] for name in archive.namelist() if "/train/" in name and name.count("/") == 3
        }


def channels(runs: Any, job_name: str) -> set[str]:
    """Return the names of a training job's input channels."""
    job = runs.stack.client("sagemaker").describe_training_job(TrainingJobName=job_name)
    return {channel["ChannelName"] for channel in job["InputDataConfig"]}


@pytest.mark.timeout(2 * RUN_S)
def test_photos_go_through_a_frozen_backbone_once_for_all_trials_trainings_and_runs(
    runs: Any, photos: Path
) -> None:
    classes = len(class_folders(photos))
    frozen: dict[str, Any] = {
        "source": str(photos),
        "architecture": "resnet18",
        "image_size": 64,
        "freeze_backbone": True,
        "batch_sizes": [16, 32],
        "tuning_epochs": 2,
        "epochs": 3,
        "min_accuracy": 0,
    }
    first = runs.run(**frozen, tuning_strategy="in_job", tuning_trials=5)
    assert first["dataset"]["classes"] == classes
    assert first["instances"] == 2
    answers = first["lambda"]["answers"]
    assert [(answer["status"], answer["classes"]) for answer in answers] == [(200, classes)] * 3
    assert not first["features"]["is_adopted"]
    assert channels(runs, first["training"]["job_name"]) == {"features", "manifest"}
    tuning = first["tuning"]
    assert (tuning["strategy"], len(tuning["trials"])) == ("in_job", 5)
    assert tuning["best"]["objective"] == min(trial["objective"] for trial in tuning["trials"])
    assert tuning["best"]["hyperparameters"].keys() == {"learning_rate", "batch_size"}

    second = runs.run(**frozen, tuning_strategy="Random", tuning_trials=2)
    assert second["features"] == {**first["features"], "is_adopted": True}
    assert second["stages"]["embed"] == {"seconds": 0.0, "billed_seconds": 0.0}
    trials = second["tuning"]["trials"]
    assert [trial["status"] for trial in trials] == ["Completed"] * 2
    assert channels(runs, trials[0]["name"]) == {"features", "manifest"}


@pytest.mark.timeout(RUN_S)
def test_133_classes_are_answered_by_bytes_by_url_and_through_the_lambda(runs: Any, tmp_path: Path) -> None:
    top = write_photos(folder=tmp_path, classes=133, train=3, valid=1, test=1, side=48)
    summary = runs.run(source=str(top), tuning_strategy="none", epochs=1, min_accuracy=0, lifetime="live")
    assert summary["tuning"]["trials"] == []
    s3, runtime = runs.stack.client("s3"), runs.stack.client("sagemaker-runtime")
    key = summary["lambda"]["answers"][0]["image"]
    image = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    url = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key})
    event = json.dumps({"url": url}).encode()
    name = summary["endpoint"]["name"]

    by_bytes = runtime.invoke_endpoint(EndpointName=name, ContentType="image/jpeg", Body=image)
    by_url = runtime.invoke_endpoint(EndpointName=name, ContentType="application/json", Body=event)
    client = runs.stack.client("lambda")
    answer = client.invoke(FunctionName=summary["lambda"]["function_name"], Payload=event)
    payload = json.load(answer["Payload"])

    logits = json.load(by_bytes["Body"])
    assert [len(row) for row in logits] == [133]
    assert all(isinstance(value, float) for value in logits[0])
    assert json.load(by_url["Body"])[0] == pytest.approx(logits[0], abs=1e-4)
    assert payload["statusCode"] == 200
    assert isinstance(payload["body"], str)
    assert json.loads(payload["body"])[0] == pytest.approx(logits[0], abs=1e-4)


@pytest.mark.timeout(RUN_S)
def test_a_run_that_is_refused_says_why_before_a_job_starts(runs: Any, tmp_path: Path) -> None:
    top = write_photos(folder=tmp_path, classes=3, train=1, valid=1, test=1, side=16)
    broken = next((top / "train" / "002.Breed_002").iterdir())
    broken.write_bytes(broken.read_bytes()[:100])
    before = runs.stack.client("sagemaker").list_training_jobs()["TrainingJobSummaries"]
    with pytest.raises(RuntimeError, match="the DAG run failed") as failure:
        runs.run(source=str(top), epochs=1)
    assert broken.name in str(failure.value)
    assert runs.stack.client("sagemaker").list_training_jobs()["TrainingJobSummaries"] == before
