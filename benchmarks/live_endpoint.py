"""A live endpoint on localaws for benchmarks: a model of known pace, the AWS clock, and a watch over it."""

import contextlib
import io
import tarfile
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from benchmarks.servers import BUCKET, IMAGE, ROLE, client, make_role

VARIANT = "AllTraffic"
SERVICE_S = 0.08
"""Real seconds that the model sleeps for each request, one at a time."""
START_S = 1.0
"""Real seconds that the model takes to load."""
LOOK_S = 0.05
WAIT_S = 120.0
CLOCK_READINGS = 5
INFERENCE = f"""
import os, time


def model_fn(model_dir):
    time.sleep({START_S})
    return None


def predict_fn(data, model):
    if os.environ.get("BROKEN"):
        raise ValueError("this model cannot answer")
    time.sleep({SERVICE_S})
    return [[1.0]]
"""


@dataclass(frozen=True, kw_only=True)
class AwsClock:
    """The time of a sped-up localaws, from that of this machine; both in Unix seconds."""

    speed: float
    aws_s: float
    real_s: float
    """The moment at which it was `aws_s`."""

    def at(self, real_s: float) -> float:
        """Return the AWS time of a moment here."""
        return self.aws_s + (real_s - self.real_s) * self.speed


def read_clock(cloudwatch: Any, *, speed: float) -> AwsClock:
    """Read the AWS clock from the time that CloudWatch notes for a new alarm; the quickest answer counts."""
    readings = []
    for number in range(CLOCK_READINGS):
        name = f"clock-{number}"
        before_s = time.time()
        cloudwatch.put_metric_alarm(**alarm_on("Invocations", name=name, endpoint="none", threshold=0))
        took_s = time.time() - before_s
        (found,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        aws_s = found["AlarmConfigurationUpdatedTimestamp"].timestamp()
        readings.append((took_s, AwsClock(speed=speed, aws_s=aws_s, real_s=before_s + took_s / 2)))
        cloudwatch.delete_alarms(AlarmNames=[name])
    return min(readings, key=lambda reading: reading[0])[1]


def alarm_on(metric: str, *, name: str, endpoint: str, threshold: float) -> dict[str, Any]:
    """Return the request of an alarm on one bad minute of an endpoint's metric."""
    return {
        "AlarmName": name,
        "Namespace": "AWS/SageMaker",
        "MetricName": metric,
        "Dimensions": dimensions(endpoint),
        "Statistic": "Average",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": threshold,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }


def dimensions(endpoint: str, *, config: str = "") -> list[dict[str, str]]:
    """Return the dimensions of an endpoint's metrics, or of those of one fleet."""
    given = {"EndpointName": endpoint, "VariantName": VARIANT}
    if config:
        given["EndpointConfigName"] = config
    return [{"Name": name, "Value": value} for name, value in given.items()]


def pack_model() -> bytes:
    """Return the model's archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo("code/inference.py")
        info.size = len(INFERENCE.encode())
        archive.addfile(info, io.BytesIO(INFERENCE.encode()))
    return buffer.getvalue()


@dataclass(frozen=True, kw_only=True)
class Look:
    """What DescribeEndpoint said at a moment."""

    real_s: float
    """Unix seconds of this machine."""
    status: str
    instances: int
    """CurrentInstanceCount: those that are ending are among them."""
    desired: int = 0
    phase: str = ""
    """The status of the variant in the deployment that is under way."""

    @property
    def serving(self) -> int:
        """The instances that get requests: neither those that start nor those that end."""
        return min(self.instances, self.desired)


@dataclass(frozen=True, kw_only=True)
class LiveEndpoint:
    """One endpoint of one variant, and clients of the AWS that it lives in."""

    name: str
    port: int
    sagemaker: Any = field(repr=False)
    """A client."""

    def look(self) -> Look:
        """Describe it."""
        found = self.sagemaker.describe_endpoint(EndpointName=self.name)
        variants = found.get("ProductionVariants") or [{}]
        pending = found.get("PendingDeploymentSummary", {}).get("ProductionVariants", [{}])[0]
        statuses = pending.get("VariantStatus") or [{"Status": ""}]
        return Look(
            real_s=time.time(),
            status=found["EndpointStatus"],
            instances=variants[0].get("CurrentInstanceCount", 0),
            desired=variants[0].get("DesiredInstanceCount", 0),
            phase=statuses[0]["Status"],
        )

    def wait(self, is_there: Callable[[Look], bool]) -> float:
        """Wait until a look shows something; return the real seconds. Raises TimeoutError after WAIT_S."""
        started = time.monotonic()
        while not is_there(found := self.look()):
            if found.status == "Failed" or time.monotonic() - started > WAIT_S:
                raise TimeoutError(f"endpoint {self.name} is {found} after {WAIT_S:.0f} s at most")
            time.sleep(LOOK_S)
        return time.monotonic() - started

    def wait_in_service(self, instances: int | None = None) -> float:
        """Wait until it is InService, with so many instances where a number is given."""
        return self.wait(lambda look: look.status == "InService" and instances in (None, look.instances))

    def scale(self, count: int) -> float:
        """Change the number of instances by hand; return the real seconds that it took."""
        wanted = {"VariantName": VARIANT, "DesiredInstanceCount": count}
        self.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=self.name, DesiredWeightsAndCapacities=[wanted]
        )
        return self.wait_in_service(count)

    def make_config(self, name: str, **environment: str) -> str:
        """Create a model with such variables and a configuration of one instance; return its name."""
        container = {
            "Image": IMAGE,
            "ModelDataUrl": f"s3://{BUCKET}/model.tar.gz",
            "Environment": dict(environment),
        }
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
        variant = {
            "VariantName": VARIANT,
            "ModelName": name,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
        }
        self.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
        return name


def make_endpoint(name: str, *, port: int) -> LiveEndpoint:
    """Make an endpoint of one instance in the localaws on `port`, and wait until it serves."""
    s3 = client("s3", port=port)
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="model.tar.gz", Body=pack_model())
    make_role(port)
    made = LiveEndpoint(name=name, port=port, sagemaker=client("sagemaker", port=port))
    made.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=made.make_config(f"{name}-1"))
    made.wait_in_service()
    return made


@dataclass(frozen=True, kw_only=True)
class Minute:
    """One datapoint of a metric."""

    start_s: float
    """AWS time, in Unix seconds."""
    total: float
    count: float


@contextlib.contextmanager
def watching(endpoint: LiveEndpoint) -> Generator[list[Look], None, None]:
    """Collect looks while the block runs, in a thread."""
    looks: list[Look] = [endpoint.look()]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_S):
            looks.append(endpoint.look())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield looks
    finally:
        over.set()
        thread.join(WAIT_S)


def read_metric(
    cloudwatch: Any, metric: str, *, endpoint: str, clock: AwsClock, config: str = ""
) -> list[Minute]:
    """Return a metric's minutes of the last three hours of AWS time; with a config, those of its fleet."""
    now_s = clock.at(time.time())
    found = cloudwatch.get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=dimensions(endpoint, config=config),
        StartTime=now_s - 3 * 3600,
        EndTime=now_s + 60,
        Period=60,
        Statistics=["Sum", "SampleCount"],
    )
    minutes = [
        Minute(start_s=point["Timestamp"].timestamp(), total=point["Sum"], count=point["SampleCount"])
        for point in found["Datapoints"]
    ]
    return sorted(minutes, key=lambda minute: minute.start_s)
