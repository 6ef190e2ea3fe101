"""Refuse a transform job that cannot run, before anything starts."""

from collections.abc import Mapping
from typing import Any

from moto.sagemaker.exceptions import AWSValidationException

from localaws.sagemaker.buckets import check_bucket, parse_uri
from localaws.sagemaker.transform.filters import DataProcessingError, check_path, find_format
from localaws.sagemaker.transform.spec import TransformSpec

MAX_PAYLOAD_MB = 100
"""MaxPayloadInMB, and that times MaxConcurrentTransforms (API_CreateTransformJob)."""


def check_request(request: Mapping[str, Any]) -> None:
    """Refuse what localaws does not have, and sizes that AWS does not take."""
    given = request["TransformInput"]
    kind = given["DataSource"]["S3DataSource"]["S3DataType"]
    if kind not in ("S3Prefix", "ManifestFile"):
        raise AWSValidationException(f"TransformInput: localaws has no S3DataType {kind}.")
    if given.get("SplitType") in ("RecordIO", "TFRecord"):
        raise AWSValidationException(
            f"TransformInput: localaws has no SplitType {given['SplitType']}; it has None and Line."
        )
    if request.get("DataCaptureConfig"):
        raise AWSValidationException("DataCaptureConfig: localaws captures no data of transform jobs.")
    payload, concurrent = request.get("MaxPayloadInMB"), request.get("MaxConcurrentTransforms") or 1
    if payload and payload * concurrent > MAX_PAYLOAD_MB:
        raise AWSValidationException(
            f"MaxPayloadInMB ({payload}) times MaxConcurrentTransforms ({concurrent}) must be at most "
            f"{MAX_PAYLOAD_MB} MB."
        )


def check_spec(spec: TransformSpec) -> None:
    """Refuse filters that cannot be applied, and output buckets that are missing."""
    parse_uri(spec.source.uri, member="transformInput.dataSource.s3DataSource.s3Uri")
    check_bucket(spec.output_path, member="TransformOutput.S3OutputPath")
    try:
        for path in (spec.input_filter, spec.output_filter):
            check_path(path)
        if spec.is_joined or (spec.input_filter, spec.output_filter) != ("$", "$"):
            find_format(spec.content_type)
    except DataProcessingError as error:
        raise AWSValidationException(f"DataProcessing: {error}") from error
