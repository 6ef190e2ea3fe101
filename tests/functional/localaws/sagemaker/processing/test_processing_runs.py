"""Processing jobs that run: inputs, outputs, hosts, messages, ends."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.namespaces import has_namespaces

pytestmark = pytest.mark.skipif(not has_namespaces(), reason="scripts name /opt/ml")

SHOW = """
import json, os, sys
from pathlib import Path
base = Path("/opt/ml")
host = json.loads((base / "config/resourceconfig.json").read_text())["current_host"]
found = {str(path.relative_to(base)): path.read_text() for path in base.rglob("input/data/*")}
(base / "processing/result" / f"{host}.txt").write_text(host)
(base / "output/message").write_text("all is well")
print(json.dumps({
    "argv": sys.argv[1:], "env": dict(os.environ), "config": {
        path.stem: json.loads(path.read_text()) for path in (base / "config").iterdir()
    },
    "inputs": sorted(str(path.relative_to(base / "processing/input")) for path in base.rglob("*.csv")),
}))
"""


def test_hosts_get_inputs_and_configuration_and_their_outputs_are_uploaded(processing: Any) -> None:
    data = processing.put("data/", {"a.csv": "1", "deep/b.csv": "2"})
    request = processing.request(
        SHOW,
        hosts=2,
        inputs=[processing.input("whole", data), processing.input("part", data, sharded=True)],
        outputs=[processing.output("result")],
        Environment={"MINE": "yes"},
    )
    request["AppSpecification"]["ContainerArguments"] = ["--rate", "1"]
    arn = processing.sagemaker.create_processing_job(**request)["ProcessingJobArn"]
    name = request["ProcessingJobName"]
    ended = processing.wait(name)
    assert ended["ProcessingJobStatus"] == "Completed", processing.lines(name)
    assert ended["ExitMessage"] == "all is well"
    assert "FailureReason" not in ended
    assert ended["CreationTime"] <= ended["ProcessingStartTime"] <= ended["ProcessingEndTime"]
    for member in ("AppSpecification", "ProcessingResources", "ProcessingInputs", "Environment"):
        assert ended[member] == request[member]
    assert processing.outputs() == {"result/algo-1.txt": "algo-1", "result/algo-2.txt": "algo-2"}
    seen = [json.loads(processing.lines(name, host)[-1]) for host in ("algo-1", "algo-2")]
    assert seen[0]["inputs"] == ["part/a.csv", "whole/a.csv", "whole/deep/b.csv"]
    assert seen[1]["inputs"] == ["part/deep/b.csv", "whole/a.csv", "whole/deep/b.csv"]
    assert seen[0]["argv"] == ["--rate", "1"]
    assert seen[0]["env"]["MINE"] == "yes"
    assert seen[1]["config"]["resourceconfig"]["hosts"] == ["algo-1", "algo-2"]
    assert seen[0]["config"]["processingjobconfig"]["ProcessingJobArn"] == arn
    assert seen[0]["config"]["processingjobconfig"]["AppSpecification"] == request["AppSpecification"]


def test_a_container_that_fails_says_why_and_uploads_nothing(processing: Any) -> None:
    script = """
from pathlib import Path
Path("/opt/ml/processing/result/half.txt").write_text("half")
Path("/opt/ml/output/message").write_text("no such column: price")
raise SystemExit(3)
"""
    ended = processing.wait(processing.create(script, outputs=[processing.output("result")]))
    assert ended["ProcessingJobStatus"] == "Failed"
    assert ended["FailureReason"] == "AlgorithmError: no such column: price, exit code: 3"
    assert ended["ExitMessage"] == "no such column: price"
    assert processing.outputs() == {}


def test_without_a_message_the_reason_leads_to_the_log(processing: Any) -> None:
    name = processing.create("raise KeyError('price')")
    reason = processing.wait(name)["FailureReason"]
    assert reason == "AlgorithmError: See job logs for more information, exit code: 1"
    assert processing.lines(name)[-1] == "KeyError: 'price'"


def test_an_image_alone_cannot_be_run_and_the_job_says_so(processing: Any) -> None:
    request = processing.request()
    del request["AppSpecification"]["ContainerEntrypoint"]
    processing.sagemaker.create_processing_job(**request)
    ended = processing.wait(request["ProcessingJobName"])
    assert ended["ProcessingJobStatus"] == "Failed"
    assert "localaws runs AppSpecification.ContainerEntrypoint" in ended["FailureReason"]


CONTINUOUS = """
import time
from pathlib import Path
Path("/opt/ml/processing/live/first.txt").write_text("1")
Path("/opt/ml/processing/last/only.txt").write_text("1")
print("written")
time.sleep(600)
"""


def test_a_job_is_stopped_and_keeps_what_went_up_while_it_ran(processing: Any) -> None:
    outputs = [processing.output("live", "Continuous"), processing.output("last")]
    name = processing.create(CONTINUOUS, outputs=outputs)
    processing.wait_for_line(name, "written")
    processing.sagemaker.stop_processing_job(ProcessingJobName=name)
    ended = processing.wait(name)
    assert ended["ProcessingJobStatus"] == "Stopped"
    assert "FailureReason" not in ended
    assert processing.outputs() == {"live/first.txt": "1"}
    with pytest.raises(ClientError, match="the processing job is in status Stopped"):
        processing.sagemaker.stop_processing_job(ProcessingJobName=name)


def test_a_job_that_runs_too_long_is_stopped(fast_processing: Any) -> None:
    condition = {"MaxRuntimeInSeconds": 60}
    name = fast_processing.create("import time; time.sleep(600)", StoppingCondition=condition)
    assert fast_processing.wait(name)["ProcessingJobStatus"] == "Stopped"


def test_a_job_that_has_ended_can_be_deleted_and_its_name_used_again(processing: Any) -> None:
    name = processing.create()
    processing.wait(name)
    processing.sagemaker.delete_processing_job(ProcessingJobName=name)
    with pytest.raises(ClientError, match=r"\(ValidationException\).* Could not find requested job"):
        processing.describe(name)
    assert processing.sagemaker.list_processing_jobs(NameContains=name)["ProcessingJobSummaries"] == []
    again = processing.request() | {"ProcessingJobName": name}
    processing.sagemaker.create_processing_job(**again)
    assert processing.wait(name)["ProcessingJobStatus"] == "Completed"


def test_a_job_in_progress_or_missing_cannot_be_deleted(processing: Any) -> None:
    name = processing.create("import time; time.sleep(60)")
    with pytest.raises(ClientError, match=r"\(ResourceInUse\).* the processing job is in status InProgress"):
        processing.sagemaker.delete_processing_job(ProcessingJobName=name)
    processing.sagemaker.stop_processing_job(ProcessingJobName=name)
    assert processing.wait(name)["ProcessingJobStatus"] == "Stopped"
    with pytest.raises(ClientError, match=r"\(ResourceNotFound\).* Could not find requested job .* absent"):
        processing.sagemaker.delete_processing_job(ProcessingJobName="absent")


def test_jobs_are_listed_with_their_reasons(processing: Any) -> None:
    names = [processing.create(script) for script in ("pass", "raise SystemExit(1)")]
    for name in names:
        processing.wait(name)
    listed = processing.sagemaker.list_processing_jobs(NameContains="processing-", MaxResults=100)
    found = {item["ProcessingJobName"]: item for item in listed["ProcessingJobSummaries"]}
    assert list(found)[-2:] == names
    assert found[names[0]]["ProcessingJobStatus"] == "Completed"
    assert found[names[1]]["FailureReason"].endswith("exit code: 1")
    failed = processing.sagemaker.list_processing_jobs(NameContains=names[1], StatusEquals="Completed")
    assert failed["ProcessingJobSummaries"] == []


def refuse(processing: Any, request: dict[str, Any]) -> str:
    """Return the message with which a request is refused."""
    with pytest.raises(ClientError) as caught:
        processing.sagemaker.create_processing_job(**request)
    return str(caught.value.response["Error"]["Message"])


def test_what_cannot_run_is_refused_when_it_is_created(processing: Any) -> None:
    request = processing.request()
    processing.sagemaker.create_processing_job(**request)
    assert "a job with this name already exists (arn:aws:sagemaker:" in refuse(processing, request)
    absent = processing.input("absent", f"s3://{processing.bucket}/absent/")
    assert "No S3 objects found" in refuse(processing, processing.request(inputs=[absent]))
    pipe = processing.request()
    pipe["ProcessingInputs"][0]["S3Input"]["S3InputMode"] = "Pipe"
    assert "S3InputMode File" in refuse(processing, pipe)
    outside = processing.output("../model")
    assert "must be a folder below /opt/ml/processing" in refuse(
        processing, processing.request(outputs=[outside])
    )
    role = "arn:aws:iam::123456789012:role/absent"
    assert f"Could not assume role {role}" in refuse(processing, processing.request(RoleArn=role))
    with pytest.raises(ClientError, match="Could not find requested job with name: no-job"):
        processing.describe("no-job")
