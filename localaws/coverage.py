"""What localaws really does, what it only keeps, and what it refuses: README's table, and the refusals.

A part is one line of PARTS. `python -m scripts.coverage` (`make coverage`) writes the table into README.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from localaws.protocols import Call


class Status(Enum):
    """How much of a part is there."""

    REAL = "real"
    PARTLY = "partly real"
    KEPT = "recorded only"
    ABSENT = "absent"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of AWS."""

    name: str
    status: Status
    text: str
    """One sentence for README; of a part that is absent, also what a refused request is told."""
    refused: tuple[str, ...] = ()
    """Actions that are refused, as `service:Action`: moto would answer success without work."""


REAL, PARTLY, KEPT, ABSENT = Status


def part(name: str, status: Status, text: str, *refused: str) -> Part:
    """Return a part: its name, how much of it is there, a sentence, and the actions that are refused."""
    return Part(name=name, status=status, text=text, refused=refused)


PARTS = (
    part(
        "Training jobs",
        REAL,
        "one PID namespace per instance, of which nothing survives the job, with an `/opt/ml` of its own, "
        "the container's files and variables, torchrun and gloo between hosts, logs, metrics, artifacts, "
        "limits, stop; MPI, Pipe mode and what is for it (augmented manifests, RecordIO, Gzip), instance "
        "groups and warm pools are refused",
    ),
    part(
        "Spot training",
        PARTLY,
        "real interruptions, but only when a fault rule asks for one: SIGTERM, notice, SIGKILL, "
        "new instances, checkpoints through S3; the discount is an assumption",
    ),
    part(
        "Tuning jobs",
        REAL,
        "each trial is a training job; Random, Grid, Bayesian, Hyperband, early stopping, warm start; "
        "Autotune, several definitions and detection of convergence are refused",
    ),
    part(
        "Endpoints",
        REAL,
        "one serving process per instance with an `/opt/ml` of its own, started from the model's code; "
        "health checks, restarts, weights; updates all at once, by canary, in linear steps and rolling, "
        "under alarms that take them back; shadow variants; a serverless variant is one instance that takes "
        "MaxConcurrency requests and is updated all at once; explainers, inference components, models of "
        "several containers and answers as streams are refused",
    ),
    part(
        "Processing jobs",
        REAL,
        "`ContainerEntrypoint` on one or more instances, inputs and outputs in S3, messages, logs, limits, "
        "stop; Athena and Redshift inputs, Pipe mode and feature groups are refused",
    ),
    part(
        "Transform jobs",
        REAL,
        "the model is served as an endpoint is and each object sent to it; lines, batches, JSONPath filters, "
        "joins, retries, stop; RecordIO, TFRecord and data capture are refused",
    ),
    part(
        "Asynchronous endpoints",
        REAL,
        "a queue, answers and failures in S3, notifications, scaling to zero and back; no answers inside "
        "notifications",
    ),
    part(
        "Data capture",
        REAL,
        "samples of endpoints as JSON lines in S3, after some seconds and not minutes",
    ),
    part(
        "Model registry, experiments, pipelines and the rest of SageMaker",
        KEPT,
        "moto keeps what was created",
    ),
    part(
        "Notebook instances",
        REAL,
        "a Jupyter server and its kernels in namespaces of their own, `/home/ec2-user/SageMaker` that is "
        "kept over a stop, lifecycle configurations, `crontab`, port 8443 inside, the role's credentials, "
        "presigned URLs on this machine's loopback; one user, who is root; JupyterLab if it is installed; no "
        "code repositories, no conda packages",
    ),
    part(
        "HyperPod clusters",
        ABSENT,
        "no instances would start",
        "sagemaker:CreateCluster",
    ),
    part(
        "Lambda",
        REAL,
        "AWS's runtime client, code in `/var/task`, layers in `/opt`, a `/tmp` of its own, cold and warm "
        "environments, limits, versions, weighted aliases, policies, reserved and provisioned concurrency, "
        "retries, destinations, function URLs whose signatures are verified where localaws made the key, "
        "logs as text or JSON; Python `.zip` functions only, no response streaming",
    ),
    part(
        "Role credentials",
        PARTLY,
        "real sessions, served as on AWS; their policies count with `--iam enforce`",
    ),
    part(
        "Permissions",
        PARTLY,
        "only with `--iam enforce`: signatures are verified, and policies of identities, roles, sessions, "
        "boundaries and resources count, in AWS's words; what stacks make is not held against them",
    ),
    part(
        "Request validation",
        REAL,
        "requests to 16 services are held against AWS's own service models, and refused in AWS's "
        "words and protocol",
    ),
    part(
        "S3",
        REAL,
        "objects in files, streamed: versions, parts, ranges, conditions, checksums; expiry of presigned "
        "URLs, and their signature where localaws made the key; the lists are moto's, and all is gone when "
        "it stops",
    ),
    part(
        "IAM, CloudFormation, CloudWatch Logs",
        REAL,
        "moto: real API, kept in memory (log events in files), gone when it stops; policy documents, "
        "capabilities and sizes of templates are checked; stacks and updates that fail are taken back; "
        "macros are refused, and resources of types that moto does not have are passed over; log filters "
        "know terms, not JSON or "
        "regular expressions",
    ),
    part(
        "Metric filters of logs",
        ABSENT,
        "nothing would count what a log says",
        "logs:PutMetricFilter",
    ),
    part(
        "Metrics and alarms",
        REAL,
        "requests, invocations, training metrics and processes are counted by AWS's names each minute; "
        "alarms are evaluated and tell SNS topics and functions; no composite alarms, no functions of metric "
        "math",
    ),
    part(
        "Autoscaling",
        REAL,
        "endpoints' instances and provisioned concurrency: target tracking, steps and schedules, alarms on "
        "real traffic, cooldowns, activities; the targets of other services are kept, and do not scale; no "
        "predictive scaling, no inference components",
    ),
    part(
        "EC2 instances",
        PARTLY,
        "user data run with this machine's programs, in namespaces and with folders of their own; shell "
        "scripts, cloud-config (`runcmd`, `write_files`), MIME, gzip; metadata with tokens and role "
        "credentials at the address in `AWS_EC2_METADATA_SERVICE_ENDPOINT`, not at 169.254.169.254; "
        "states, status checks, console, shutdown from inside, hibernation, one-time Spot requests, quotas "
        "of vCPUs, events; images, types and security groups are names, volumes are records",
    ),
    part(
        "EventBridge",
        PARTLY,
        "rules hand events of PutEvents and of instances (states, Spot interruptions) to queues, topics, "
        "functions, log groups and buses; other services send none, and schedules do not tick",
    ),
    part(
        "EC2 fleets, persistent Spot requests",
        ABSENT,
        "instances are made by RunInstances and one-time Spot requests, one launch at a time",
        "ec2:RequestSpotFleet",
        "ec2:CreateFleet",
    ),
    part(
        "Systems Manager commands",
        PARTLY,
        "AWS-RunShellScript runs in the instance, whose role must allow what AmazonSSMManagedInstanceCore "
        "does; targets by id and tag, limits, cancellation, concurrency, output in S3 and CloudWatch Logs; "
        "no other documents, no notifications",
    ),
    part(
        "Container images",
        ABSENT,
        "not run: the process uses this environment's Python; what `requirements.txt` or `pip install` adds "
        "lies in a layer of the job's own and goes with it",
    ),
    part(
        "Instance types",
        KEPT,
        "a name only: all processes share this machine",
    ),
    part(
        "VPCs, network isolation, encryption of disks, traffic and outputs",
        KEPT,
        "no process is cut off from the network, and nothing is encrypted",
    ),
    part(
        "Throttling and failures of AWS",
        PARTLY,
        "only when asked for: fault rules throttle, fail, delay, cut or lose calls and kill processes; "
        "AWS's published rates of requests with `--api-limits`",
    ),
    part(
        "Prices, queues, capacity",
        ABSENT,
        "a job starts at once and costs nothing",
    ),
    part(
        "What moto lacks",
        ABSENT,
        "refused in the service's own protocol, and not to be tried again",
    ),
)
"""The rows of README's table, in its order."""


def write_table(parts: Iterable[Part] = PARTS) -> str:
    """Return README's table, in Markdown."""
    rows = [f"| {row.name} | {row.status.value} | {row.text} |" for row in parts]
    return "\n".join(("| Part | On the laptop | |", "|---|---|---|", *rows))


REFUSALS = {action: row.text for row in PARTS for action in row.refused}


def find_refusal(call: Call) -> str | None:
    """Return why an action is refused that moto would answer without doing it; None where it is not."""
    return REFUSALS.get(f"{call.service}:{call.action}")
