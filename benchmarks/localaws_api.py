"""What a request for state costs in localaws, beside stock moto_server: training jobs described and listed.

Both servers know the same jobs. In localaws they are created and not run (`python -m benchmarks.localaws_api
serve PORT` is a localaws whose jobs stay where they begin), so that nothing else takes the processor. The
load generator is that of benchmarks/localaws_s3.py, over one connection.

describe_ratio   seconds of moto_server / ours for DescribeTrainingJob, median of interleaved rounds
list_ratio       the same for a page of 100 of 1,000 jobs
"""

import argparse
import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from benchmarks.raw_http import seconds_for
from benchmarks.servers import BUCKET, IMAGE, ROLE, client, free_port, make_role, moto_argv, running

SCOPE = "Credential=test/20260101/us-east-1/sagemaker/aws4_request, SignedHeaders=host, Signature=0"
TYPE = "application/x-amz-json-1.1"
COMMON = f"host: 127.0.0.1\r\nauthorization: AWS4-HMAC-SHA256 {SCOPE}\r\ncontent-type: {TYPE}\r\n"
PAGE = 100


def serve(port: int) -> None:
    """Serve a localaws that starts no job."""
    import uvloop

    from localaws.sagemaker.training.service import TrainingService
    from localaws.server import ServeOptions
    from localaws.server import serve as serve_localaws

    def start_nothing(self: TrainingService, runner: object, *, arn: str) -> None:
        """Leave the job as it was created."""

    TrainingService.start = start_nothing  # type: ignore[method-assign,assignment]
    uvloop.run(serve_localaws(ServeOptions(port=port)))


def localaws_argv(port: int) -> list[str]:
    """Return the command that starts such a localaws."""
    return [sys.executable, "-m", "benchmarks.localaws_api", "serve", str(port)]


def calls(action: str, document: dict[str, object], count: int) -> Iterator[Sequence[bytes]]:
    """Give the same request several times."""
    body = json.dumps(document).encode()
    head = (
        f"POST / HTTP/1.1\r\n{COMMON}x-amz-target: SageMaker.{action}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    for _ in range(count):
        yield head.encode(), body


FIGURES: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("describe", "DescribeTrainingJob", {"TrainingJobName": "job-7"}),
    ("list", "ListTrainingJobs", {"MaxResults": PAGE}),
)


def create_jobs(port: int, count: int) -> None:
    """Create jobs with a channel and a few hyper-parameters."""
    client("s3", port=port).create_bucket(Bucket=BUCKET)
    client("s3", port=port).put_object(Bucket=BUCKET, Key="data/x", Body=b"x")
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/data"}
    make_role(port)
    sagemaker = client("sagemaker", port=port)
    for number in range(count):
        sagemaker.create_training_job(
            TrainingJobName=f"job-{number}",
            RoleArn=ROLE,
            AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            HyperParameters={f"parameter-{index}": str(index) for index in range(8)},
            InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
            OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/jobs"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 60},
        )


def measure_api(*, rounds: int, jobs: int, count: int) -> dict[str, float]:
    """Let both servers take turns."""
    with ExitStack() as stack:
        ports = [free_port(), free_port()]
        for name, argv, port in zip(("ours", "moto"), (localaws_argv, moto_argv), ports, strict=True):
            stack.enter_context(running(name, argv(port), port=port))
            create_jobs(port, jobs)
        results = {}
        for figure, action, document in FIGURES:
            pairs = []
            for _ in range(rounds + 1):  # the first warms up
                taken = [
                    seconds_for(calls(action, document, count), port=port, connections=1) for port in ports
                ]
                pairs.append(taken)
            ours, theirs = zip(*pairs[1:], strict=True)
            results[f"{figure}_ms"] = statistics.median(ours) / count * 1000
            results[f"{figure}_ratio"] = statistics.median(
                their / own for own, their in zip(ours, theirs, strict=True)
            )
    return results


def main() -> None:
    """Measure and print the JSON line, or serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("serve", nargs="*", help="`serve PORT` runs the server of this benchmark")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--count", type=int, default=200, help="requests of one round")
    arguments = parser.parse_args()
    if arguments.serve:
        serve(int(arguments.serve[1]))
        return
    results = measure_api(rounds=arguments.rounds, jobs=arguments.jobs, count=arguments.count)
    print(json.dumps({name: round(value, 4) for name, value in results.items()}))


if __name__ == "__main__":
    main()
