"""What a run has left on AWS, in words that are the same for each run that did the same."""

import contextlib
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from botocore.exceptions import ClientError

State = dict[str, Any]
"""Kind and name of each resource -> what AWS says of it."""

VOLATILE = frozenset(
    {
        "ResponseMetadata",
        "ScalableTargetARN",
        "RevisionId",
        "LastModified",
        "CreatedBy",
        "LastModifiedBy",
        "BillableTimeInSeconds",
        "TrainingTimeInSeconds",
        "FinalMetricDataList",
        "SecondaryStatusTransitions",
        "TrainingJobStatusCounters",
        "StateReason",
        "StateReasonData",
        "StateValue",
        "creationTime",
        "storedBytes",
        "MetricAlarms",
        "LoggingConfig",
        "TotalSizeBytes",
    }
)
"""Members that differ from run to run although nothing differs: times, ids of a request, states of alarms."""

NEWEST = 8
"""Versions of a model that are looked at: a run makes one."""

NUMBERS = ("musher:previous", "musher:next")
"""Tags whose values are numbers of a function's versions, or names of configurations."""

WEIGHTS = ("model.tar.gz", "model.safetensors")
GZIP = b"\x1f\x8b"

TIMES = ("musher:expires-at", "musher:expires")
"""Tags whose values are times."""


@dataclass(frozen=True, kw_only=True)
class Observer:
    """Look at the resources of one run and of its project; all else is of other runs."""

    client: Callable[[str], Any]
    bucket: str
    slug: str
    """8 hex digits that stand for the run."""
    others: frozenset[str]
    """Those of the other runs."""

    def look(self) -> State:
        """Return all that is there now of the run, and what the runs share."""
        return self.tell(
            self._objects,
            self._uploads,
            self._jobs,
            self._models,
            self._endpoints,
            self._packages,
            self._functions,
            self.scaling,
            self._alarms,
            self._logs,
        )

    def tell(self, *sections: Callable[[], Iterator[tuple[str, Any]]]) -> State:
        """Return what some of the sections find, in words that are the same for each run."""
        found = {name: told for section in sections for name, told in section()}
        return {self.rename(name): self._clean(told) for name, told in sorted(found.items())}

    def _is_own(self, name: str) -> bool:
        """Return whether a name is not another run's."""
        return self.slug in name or not any(slug in self.others for slug in re.findall(r"[0-9a-f]{8}", name))

    def rename(self, text: str) -> str:
        """Return a text with the run's own name in the place of its digits."""
        text = re.sub(rf"{self.slug}[0-9a-f]*", "RUN", text)
        text = re.sub(r"\b(RUN-\d{3})-[0-9a-f]{8}\b", r"\1-DRAWN", text)  # SageMaker draws a trial's name
        text = re.sub(r"(model-package/[^/]+)/\d+", r"\1/N", text)
        text = re.sub(r"\b([0-9a-f]{8})(?=\b|[0-9a-f]{16}\b)", self._other, text)
        return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[^ \"']*", "TIME", text)

    def _other(self, found: "re.Match[str]") -> str:
        return "OTHER" if found[1] in self.others else found[0]

    def _clean(self, told: Any) -> Any:
        """Return an answer without what differs from run to run."""
        if isinstance(told, Mapping):
            kept = {name: value for name, value in told.items() if name not in VOLATILE}
            return {
                self.rename(str(name)): self._clean(value)
                for name, value in kept.items()
                if not isinstance(value, datetime) and "Time" not in str(name)
            }
        if isinstance(told, list):
            return sorted(
                (self._clean(each) for each in told), key=lambda each: json.dumps(each, default=str)
            )
        return self.rename(told) if isinstance(told, str) else told

    def _objects(self) -> Iterator[tuple[str, Any]]:
        for page in self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.bucket):
            for each in page.get("Contents", []):
                if self._is_own(each["Key"]) and not is_half(each["Key"]):
                    yield f"object {each['Key']}", self._content(each["Key"], each["ETag"].strip('"'))

    def _content(self, key: str, etag: str) -> str | None:
        """Return what tells an object from another one: of a model its weights; of a report nothing."""
        if "/reports/" in key or "/output/output" in key:
            return None
        if not key.endswith(WEIGHTS):
            return etag
        return hash_weights(self.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def _uploads(self) -> Iterator[tuple[str, Any]]:
        answer = self.client("s3").list_multipart_uploads(Bucket=self.bucket)
        for each in answer.get("Uploads", []):
            yield f"upload {each['Key']} {each['UploadId']}", None

    def _jobs(self) -> Iterator[tuple[str, Any]]:
        sagemaker = self.client("sagemaker")
        listed = sagemaker.list_training_jobs(NameContains=self.slug)["TrainingJobSummaries"]
        for each in listed:
            told = sagemaker.describe_training_job(TrainingJobName=each["TrainingJobName"])
            told.pop("ModelArtifacts", None)
            yield f"training job {each['TrainingJobName']}", told
        tunings = sagemaker.list_hyper_parameter_tuning_jobs(NameContains=self.slug)
        for each in tunings["HyperParameterTuningJobSummaries"]:
            name = each["HyperParameterTuningJobName"]
            told = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
            yield (
                f"tuning job {name}",
                {key: told.get(key) for key in ("HyperParameterTuningJobStatus", "ObjectiveStatusCounters")},
            )
        others = (
            ("processing", sagemaker.list_processing_jobs, "ProcessingJobSummaries", "ProcessingJobName"),
            ("transform", sagemaker.list_transform_jobs, "TransformJobSummaries", "TransformJobName"),
        )
        for kind, ask, key, name in others:
            for each in ask(NameContains=self.slug)[key]:
                yield f"{kind} job {each[name]}", None

    def _models(self) -> Iterator[tuple[str, Any]]:
        sagemaker = self.client("sagemaker")
        for each in sagemaker.list_models(NameContains=self.slug)["Models"]:
            yield f"model {each['ModelName']}", sagemaker.describe_model(ModelName=each["ModelName"])
        for each in sagemaker.list_endpoint_configs(NameContains=self.slug)["EndpointConfigs"]:
            name = each["EndpointConfigName"]
            told = sagemaker.describe_endpoint_config(EndpointConfigName=name)
            tags = sagemaker.list_tags(ResourceArn=told["EndpointConfigArn"])["Tags"]
            yield f"endpoint configuration {name}", {**told, "Tags": self._tags(tags)}

    def _endpoints(self) -> Iterator[tuple[str, Any]]:
        sagemaker = self.client("sagemaker")
        for each in sagemaker.list_endpoints()["Endpoints"]:
            with contextlib.suppress(ClientError):  # it is being removed
                told = sagemaker.describe_endpoint(EndpointName=each["EndpointName"])
                tags = sagemaker.list_tags(ResourceArn=told["EndpointArn"])["Tags"]
                yield f"endpoint {each['EndpointName']}", {**told, "Tags": self._tags(tags)}

    def _packages(self) -> Iterator[tuple[str, Any]]:
        sagemaker = self.client("sagemaker")
        for group in sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"]:
            name = group["ModelPackageGroupName"]
            number = 0
            newest = {"SortBy": "CreationTime", "SortOrder": "Descending", "MaxResults": NEWEST}
            listed = sagemaker.list_model_packages(ModelPackageGroupName=name, **newest)
            for each in listed["ModelPackageSummaryList"]:
                told = sagemaker.describe_model_package(ModelPackageName=each["ModelPackageArn"])
                if self.slug in json.dumps(told, default=str):
                    told.pop("ModelPackageVersion")
                    number += 1
                    yield f"model package {name} {number}", told

    def _functions(self) -> Iterator[tuple[str, Any]]:
        functions = self.client("lambda")
        for each in functions.list_functions()["Functions"]:
            name = each["FunctionName"]
            versions = functions.list_versions_by_function(FunctionName=name)["Versions"]
            codes = {version["Version"]: version for version in versions}
            own = [version for version in versions if self.slug in version.get("Description", "")]
            yield f"function {name}", self._function(functions, name)
            yield f"versions of {name}", len(own)
            for alias in functions.list_aliases(FunctionName=name)["Aliases"]:
                target = codes.get(alias["FunctionVersion"], {})
                told = {key: target.get(key) for key in ("CodeSha256", "Description", "Environment")}
                weights = alias.get("RoutingConfig", {})
                yield f"alias {name} {alias['Name']}", {"target": told, "weights": bool(weights)}

    def _function(self, functions: Any, name: str) -> Any:
        told = functions.get_function(FunctionName=name)
        tags = self._tags_of(told.get("Tags", {}))
        kept = {key: "NUMBER" if key in NUMBERS else value for key, value in tags.items()}
        reserved = told.get("Concurrency", {}).get("ReservedConcurrentExecutions")
        return {**told["Configuration"], "Tags": kept, "reserved": reserved}

    def scaling(self) -> Iterator[tuple[str, Any]]:
        """Find what scales, and by which policies."""
        scaler = self.client("application-autoscaling")
        for space in ("sagemaker", "lambda"):
            for each in scaler.describe_scalable_targets(ServiceNamespace=space)["ScalableTargets"]:
                yield f"scalable target {each['ResourceId']}", each
            for each in scaler.describe_scaling_policies(ServiceNamespace=space)["ScalingPolicies"]:
                alarms = len(each.pop("Alarms", []))
                each.pop("PolicyARN", None)
                yield f"scaling policy {each['ResourceId']} {each['PolicyName']}", {**each, "alarms": alarms}

    def _alarms(self) -> Iterator[tuple[str, Any]]:
        for each in self.client("cloudwatch").describe_alarms()["MetricAlarms"]:
            name = re.sub(r"-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", "", each["AlarmName"])
            told = {key: each.get(key) for key in ("MetricName", "Threshold", "Period", "Dimensions")}
            yield f"alarm {name}", told

    def _logs(self) -> Iterator[tuple[str, Any]]:
        for each in self.client("logs").describe_log_groups()["logGroups"]:
            if self._is_own(each["logGroupName"]):
                yield f"log group {each['logGroupName']}", each.get("retentionInDays")

    def _tags(self, tags: list[dict[str, str]]) -> Any:
        return self._tags_of({each["Key"]: each["Value"] for each in tags})

    def _tags_of(self, tags: Mapping[str, str]) -> Any:
        return {key: "TIME" if key in TIMES else value for key, value in tags.items()}


def is_half(key: str) -> bool:
    """Return whether an object is a file that a training was still writing when its folder was copied.

    Checkpoints are copied while they are written, and what has been renamed since stays in S3: whether there
    is one depends on the moment, also in undisturbed runs.
    """
    return "/checkpoints/" in key and key.endswith(".partial")


def hash_weights(body: bytes) -> str:
    """Return a hash of the weights in a model.safetensors, or in an archive that has one.

    The file's head says besides when and by which job the model was trained.
    """
    if body[:2] == GZIP:
        with tarfile.open(fileobj=io.BytesIO(body)) as archive:
            found = archive.extractfile("model.safetensors")
            body = found.read() if found else b""
    head_bytes = int.from_bytes(body[:8], "little")
    return hashlib.sha256(body[8 + head_bytes :]).hexdigest()


@cache
def split_kind(name: str) -> str:
    """Return the kind of a resource, by its name in a state."""
    kinds = ("training job", "tuning job", "processing job", "transform job", "model package", "model")
    return next((kind for kind in kinds if name.startswith(kind)), name.partition(" ")[0])


def differences(wanted: State, found: State) -> list[str]:
    """Return what two states do not have in common, a line each."""
    lines = [f"missing: {name}" for name in wanted if name not in found]
    lines += [f"more: {name}" for name in found if name not in wanted]
    for name in wanted:
        if name in found and wanted[name] != found[name]:
            lines += [f"{name}: {line}" for line in _members(wanted[name], found[name])]
    return lines


def _members(wanted: Any, found: Any) -> list[str]:
    if not (isinstance(wanted, dict) and isinstance(found, dict)):
        return [f"{found!r} instead of {wanted!r}"]
    names = [name for name in {**wanted, **found} if wanted.get(name) != found.get(name)]
    return [f"{name} is {found.get(name)!r} instead of {wanted.get(name)!r}" for name in names]
