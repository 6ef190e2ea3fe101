"""Transform jobs that run: objects, records, filters, ends."""

import gzip
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

LINES = {"SplitType": "Line"}


def test_every_object_is_answered_under_its_own_path(transforms: Any) -> None:
    transforms.put({"a.csv": b"one", "deep/b.csv": b"two", "see.csv": b"see"})
    request = transforms.request(
        output={"Accept": "application/json"},
        Environment={"GREETING": "hello"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 2},
        MaxConcurrentTransforms=2,
    )
    transforms.sagemaker.create_transform_job(**request)
    ended = transforms.wait(request["TransformJobName"])
    assert ended["TransformJobStatus"] == "Completed"
    assert ended["CreationTime"] <= ended["TransformStartTime"] <= ended["TransformEndTime"]
    assert ended["MaxConcurrentTransforms"] == 2
    assert ended["TransformResources"] == request["TransformResources"]
    assert "FailureReason" not in ended
    found = transforms.outputs()
    assert sorted(found) == ["a.csv.out", "deep/b.csv.out", "see.csv.out"]
    assert (found["a.csv.out"], found["deep/b.csv.out"]) == (b"ONE", b"TWO")
    seen = json.loads(found["see.csv.out"])
    assert seen == {"type": "text/csv", "batch": "true", "env": "hello"}


@pytest.mark.parametrize(("strategy", "count"), [("SingleRecord", 3), ("MultiRecord", 1)])
def test_lines_are_sent_alone_or_together(transforms: Any, strategy: str, count: int) -> None:
    counting = """
def model_fn(model_dir): return []
def transform_fn(model, body, content_type, accept):
    model.append(1)
    return f"{len(model)}: {body.strip()!r}", accept
"""
    transforms.model = transforms.create_model(counting)
    transforms.put({"a.csv.gz": gzip.compress(b"x\ny\n\nz\n")})
    source = LINES | {"CompressionType": "Gzip"}
    ended = transforms.run(source=source, output={"AssembleWith": "Line"}, BatchStrategy=strategy)
    assert ended["TransformJobStatus"] == "Completed"
    lines = transforms.outputs()["a.csv.gz.out"].decode().splitlines()
    assert len(lines) == count
    assert lines[0] == ("1: 'x'" if count == 3 else "1: 'x\\ny\\nz'")


def test_filters_choose_columns_and_join_answers(transforms: Any) -> None:
    transforms.put({"a.csv": b"id1,a\nid2,b\n"})
    processing = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}
    ended = transforms.run(source=LINES, output={"AssembleWith": "Line"}, DataProcessing=processing)
    assert ended["TransformJobStatus"] == "Completed"
    assert transforms.outputs()["a.csv.out"] == b"id1,A\nid2,B\n"


def test_a_model_that_fails_fails_the_job_and_the_log_says_where(transforms: Any) -> None:
    transforms.put({"a.csv": b"bad"})
    name = transforms.create(ModelClientConfig={"InvocationsMaxRetries": 1})
    ended = transforms.wait(name)
    assert ended["TransformJobStatus"] == "Failed"
    assert ended["FailureReason"] == "AlgorithmError: See job logs for more information"
    said = transforms.data_log(name)
    assert said.count(f"{transforms.bucket}/in/a.csv: Bad HTTP status received from algorithm: 500") == 2
    assert "ValueError: no such record" in said
    assert transforms.outputs() == {}


def test_a_record_that_is_too_large_fails_the_job(transforms: Any) -> None:
    transforms.put({"a.csv": b"x" * ((1 << 20) + 1)})
    name = transforms.create(MaxPayloadInMB=1)
    assert transforms.wait(name)["FailureReason"] == "ClientError: See job logs for more information"
    assert "Too much data for max payload size" in transforms.data_log(name)


def test_a_model_that_cannot_be_served_is_the_reason(transforms: Any) -> None:
    transforms.put({"a.csv": b"x"})
    transforms.model = transforms.create_model("raise SystemExit('no weights')")
    ended = transforms.run()
    assert ended["TransformJobStatus"] == "Failed"
    assert "no weights" in ended["FailureReason"]
    assert "endpoint" not in ended["FailureReason"]


def test_a_job_is_stopped_while_the_model_thinks(transforms: Any) -> None:
    transforms.put({"a.csv": b"one", "b.csv": b"slow"})
    name = transforms.create()
    while not transforms.outputs():
        assert transforms.describe(name)["TransformJobStatus"] == "InProgress"
    transforms.sagemaker.stop_transform_job(TransformJobName=name)
    ended = transforms.wait(name)
    assert ended["TransformJobStatus"] == "Stopped"
    assert transforms.outputs() == {"a.csv.out": b"ONE"}
    with pytest.raises(ClientError, match="the transform job is in status Stopped"):
        transforms.sagemaker.stop_transform_job(TransformJobName=name)
    listed = transforms.sagemaker.list_transform_jobs(NameContains=name)["TransformJobSummaries"]
    assert [item["TransformJobStatus"] for item in listed] == ["Stopped"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"source": {"SplitType": "RecordIO"}}, "no SplitType RecordIO"),
        ({"ModelName": "absent"}, "Could not find model"),
        ({"DataProcessing": {"InputFilter": "$[["}}, "is not a JSONPath"),
        ({"DataProcessing": {"JoinSource": "Input"}, "source": {"ContentType": "image/png"}}, "text/csv"),
        ({"MaxPayloadInMB": 60, "MaxConcurrentTransforms": 2}, "must be at most 100 MB"),
        ({"output": {"S3OutputPath": "s3://no-such-bucket-here/x"}}, "does not exist"),
        ({"DataCaptureConfig": {"DestinationS3Uri": "s3://b/c"}}, "captures no data of transform jobs"),
    ],
)
def test_what_cannot_run_is_refused_when_it_is_created(
    transforms: Any, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ClientError, match="ValidationException") as caught:
        transforms.create(**options)
    assert words in caught.value.response["Error"]["Message"]


def test_a_model_whose_role_is_gone_is_refused(transforms: Any) -> None:
    transforms.role = "arn:aws:iam::123456789012:role/transform-absent"
    transforms.model = transforms.create_model("")
    with pytest.raises(ClientError, match=f"Could not assume role {transforms.role}"):
        transforms.create()


def test_a_prefix_without_objects_fails_the_job(transforms: Any) -> None:
    assert "No S3 objects found under S3 URL" in transforms.run()["FailureReason"]
