"""What stages return and hand on through XCom: ids, addresses and small numbers, never data.

All are mappings that JSON can hold. `seconds`: what the stage took, measured by it or, for a job, by AWS.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from musher.datasets.findings import Findings
    from musher.ec2_results import Ec2TrainingResult
    from musher.shadow_results import ShadowResult

REASON_KEY = "reason"
"""XCom key under which a task that fails for good leaves its message, for the report."""

STEPS_KEY = "steps"
"""XCom key under which the deployment of an endpoint leaves the steps that it saw, for the report."""

Request = dict[str, Any]
"""A boto3 request: AWS's names, AWS's values."""


class Sample(TypedDict):
    """A test image that lies in S3 as an object of its own."""

    key: str
    truth: str


class StagedDataset(TypedDict):
    """A data set as it lies in the project's bucket."""

    dataset_id: str
    data_hash: str
    name: str
    """Letters, digits, '.', '_' and '-' only."""
    title: str
    """The name as the source writes it, to be shown."""
    classes: int
    images: dict[str, int]
    """By split."""
    left_out: int
    """Unreadable images that were left out by permission."""
    manifest_uri: str
    train_uri: str
    valid_uri: str
    test_uri: str
    samples: list[Sample]
    found: "Findings | None"
    """What staging found; None for a data set that an older version staged."""
    uploaded_objects: int
    uploaded_bytes: int
    seconds: float


class Preflight(TypedDict):
    """What was looked at before anything was paid for."""

    warnings: list[str]
    """What the account did not let us look at."""
    estimate: str
    """What the run costs at most, in words."""


class ServingImage(TypedDict):
    """The image that endpoints run."""

    uri: str
    is_built: bool
    """Whether this run had it built."""
    seconds: float


class TrainingJobResult(TypedDict):
    """A completed training job."""

    job_name: str
    status: str
    model_uri: str
    output_uri: str
    instances: int
    instance_type: str
    created_at: str | None
    """ISO 8601."""
    is_spot: bool
    billable_seconds: int | None
    """Of one instance; `musher.costs.billing` counts all."""
    training_seconds: int | None
    seconds: float | None
    metrics: dict[str, float]


class Trial(TypedDict):
    """One trial; the objective is None where it did not report one, the seconds where it did not run."""

    name: str
    status: str
    hyperparameters: dict[str, int | float]
    objective: float | None
    seconds: float | None


class TuningResult(TypedDict):
    """The trials of a search, and the best of them."""

    strategy: str
    job_name: str
    objective: str
    trials: list[Trial]
    best: Trial
    seconds: float | None
    billed_seconds: float | None


class Evaluation(TypedDict):
    """A model's figures on the test split."""

    job_name: str
    output_uri: str
    model_uri: str
    accuracy: float
    loss: float
    images: int
    seconds: float


class RegisteredModel(TypedDict):
    """A version in the model registry."""

    package_arn: str
    version: int
    model_uri: str
    seconds: float


class Champion(TypedDict):
    """The model that is live, and how it does on the run's test split."""

    config_name: str
    package_arn: str
    model_uri: str
    is_same_data: bool
    """Whether its own training, which left `output_uri`, was scored on the same images."""
    output_uri: str


class ChampionSearch(TypedDict):
    """Whether something is live that a model can be held against."""

    found: Champion | None


class Verdict(TypedDict):
    """A model that may be deployed, and what it was held against."""

    package_arn: str
    model_uri: str
    accuracy: float
    champion: str | None
    """The live configuration that it was compared with; None where nothing is live."""
    champion_accuracy: float | None
    seconds: float


class BatchResult(TypedDict):
    """What a batch transform job has classified."""

    job_name: str
    output_uri: str
    """Where each image's answer lies, under its name and `.out`."""
    images: int
    """Answers that lie there."""
    instance_type: str
    instances: int
    seconds: float | None
    billed_seconds: float | None


class EndpointResult(TypedDict):
    """An endpoint in service."""

    name: str
    config_name: str
    previous_config_name: str | None
    """What it served with before; None where the run has created it."""
    kind: str
    """One of ENDPOINT_KINDS."""
    instance_type: str | None
    """None where it is serverless, as the next."""
    instances: int | None
    captures_uri: str | None
    """Where AWS keeps what it captures of requests and answers; None where it captures nothing."""
    seconds: float


class DeploymentStep(TypedDict):
    """A step of an endpoint's creation or update."""

    at: str
    """When it began, ISO 8601."""
    status: str
    """A variant's status in AWS's words, or, where AWS tells no more, the endpoint's."""
    config_name: str
    """The configuration that it is a step to, or that serves."""
    message: str
    is_seen: bool
    """Whether `at` is when a look saw it first, as AWS does not say when it began."""


class ScalingResult(TypedDict):
    """How an endpoint scales; without alarms it does not."""

    resource_id: str
    min_instances: int
    max_instances: int
    metric: str
    target: float
    alarms: list[str]
    seconds: float


class FunctionResult(TypedDict):
    """A Lambda function that can be invoked."""

    function_name: str
    function_arn: str
    alias: str
    version: str
    """What the alias stands for."""
    previous_version: str | None
    """What the alias stood for before, maybe the same; None where the run has made it."""
    reserved: int | None
    """Concurrency that the function has to itself; None: it shares the account's."""
    provisioned: int
    """Environments of the version that are kept started."""
    seconds: float


class RollBack(TypedDict):
    """What the live endpoint and function go back to."""

    config_name: str
    function_version: str | None
    """None where the function has not changed, or there is none."""
    replaced_version: str | None
    """What the function's alias stood for when the versions were chosen."""


class Prediction(TypedDict):
    """What the function said of one image."""

    status: int
    classes: int
    predicted: str
    probability: float


class Answer(Prediction):
    """What the function said of one test image, beside the truth."""

    image: str
    truth: str


class KnownImage(Sample):
    """A test image of the data that the live model was trained with."""

    manifest_uri: str


class ProbeResult(TypedDict):
    """What came of one request more than is reserved, all at once."""

    reserved: int
    rounds: int
    seconds: float


class SmokeTestResult(TypedDict):
    """The answers to all test images."""

    status: int
    answers: list[Answer]
    seconds: float
    billed_seconds: float | None


class InstancePoint(TypedDict):
    """How many instances an endpoint had, and was asked to have, at a moment of a load test."""

    at_s: float
    current: int
    desired: int


class LoadPrediction(TypedDict):
    """What the simulator says of a load test; None throughout where it cannot, for a reason."""

    reason: str | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    highest: int | None
    """Instances."""
    instances: list[InstancePoint]


class LoadAdvice(TypedDict):
    """What the simulator would set for a load; None throughout where it cannot say, for a reason."""

    reason: str | None
    plan: str | None
    instance_type: str | None
    usd_per_hour: float | None
    p99_ms: float | None
    goal_ms: float | None
    """What the p99 had to stay under."""
    tried: int
    """Plans that were simulated."""
    seconds: float
    """Of the load."""


class LoadJobResult(TypedDict):
    """A processing job that has sent a load."""

    job_name: str
    measured_uri: str
    """What it measured."""
    instance_type: str
    instances: int
    seconds: float | None
    billed_seconds: float | None


class LoadTestResult(TypedDict):
    """What a load test measured; all of it lies at `output_uri`."""

    target: str
    is_complete: bool
    sent: int
    succeeded: int
    failed: int
    dropped: int
    """Due while too many were waiting; never sent."""
    errors: dict[str, int]
    """Failures by name."""
    sent_per_s: float
    succeeded_per_s: float
    latency: dict[str, float | None]
    """Milliseconds from when a request was due: mean, percentiles, maximum."""
    service: dict[str, float | None]
    """Milliseconds from when it was sent, of successes."""
    lateness: dict[str, float | None]
    """Milliseconds by which the generator itself was late."""
    instances: list[InstancePoint]
    """Only changes, and the last look."""
    predicted: LoadPrediction
    warnings: list[str]
    output_uri: str
    job: LoadJobResult | None
    """The job that sent the load; None where a worker did."""
    seconds: float


class Reaped(TypedDict):
    """Something that has outlived its time, and what was done about it."""

    kind: str
    name: str
    age_h: float | None
    """Hours; None where AWS's list does not say when it was made."""
    reason: str
    usd_per_month: float | None
    """What it costs in a month in which it is there throughout; None where no price is noted."""
    done: str


class RunResults(TypedDict):
    """What a run's stages returned; None for those that were skipped, refused, failed or never reached."""

    dataset: StagedDataset | None
    features: TrainingJobResult | None
    tuning: TuningResult | None
    job: TrainingJobResult | None
    ec2: "Ec2TrainingResult | None"
    evaluation: Evaluation | None
    verdict: Verdict | None
    batch: BatchResult | None
    shadow: "ShadowResult | None"
    endpoint: EndpointResult | None
    scaling: ScalingResult | None
    function: FunctionResult | None
    answers: SmokeTestResult | None
    load: LoadTestResult | None


Params = Mapping[str, Any]
"""A run's Params by name, as the form's JSON schemas let them pass."""
