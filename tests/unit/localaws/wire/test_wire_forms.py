"""Ids of answers, and answers without what is empty."""

import uuid
from typing import Any

import pytest

from localaws.wire.answers import prune
from localaws.wire.compiler import find_model
from localaws.wire.request_ids import HEADER, is_uuid, new_request_id, with_id


def shape_of(action: str) -> Any:
    """Return the output of one of SageMaker's actions."""
    model = find_model("sagemaker")
    assert model is not None
    return model.operation_model(action).output_shape


def test_what_is_empty_is_left_out_at_every_depth() -> None:
    answer = {
        "ModelName": "m",
        "VpcConfig": {},
        "Containers": [],
        "PrimaryContainer": {"Image": "i", "Environment": {}, "ModelDataUrl": ""},
        "EnableNetworkIsolation": False,
        "ExecutionRoleArn": None,
    }
    assert prune(answer, shape_of("DescribeModel")) == {
        "ModelName": "m",
        "PrimaryContainer": {"Image": "i", "ModelDataUrl": ""},
        "EnableNetworkIsolation": False,
    }


def test_what_the_model_requires_stays_and_what_is_asked_to() -> None:
    shape = shape_of("DescribeEndpointConfig")
    assert prune({"ProductionVariants": [], "ShadowProductionVariants": []}, shape) == {
        "ProductionVariants": []
    }
    jobs = shape_of("DescribeTrainingJob")
    assert prune({"HyperParameters": {}}, jobs, kept=("HyperParameters",)) == {"HyperParameters": {}}


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-type", b"application/x-amz-json-1.1")],
        [(b"content-type", b"application/json"), (HEADER, b"longer-than-awss")],
        [(b"content-type", b"text/html"), (HEADER, b"longer-than-awss")],
    ],
)
def test_an_answer_in_json_gets_a_uuid(headers: list[tuple[bytes, bytes]]) -> None:
    (sent,) = [value.decode() for name, value in with_id(headers) if name == HEADER]
    assert str(uuid.UUID(sent)) == sent


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-type", b"text/xml"), (HEADER, b"as-in-the-body")],
        [(b"content-type", b"application/json"), (b"x-amz-request-id", b"S3's own")],
        [(b"content-type", b"image/jpeg")],
        [(b"content-type", b"application/json"), (HEADER, str(uuid.uuid4()).encode())],
    ],
    ids=["XML", "an object in S3", "a picture", "an id of AWS's form"],
)
def test_other_answers_are_left_alone(headers: list[tuple[bytes, bytes]]) -> None:
    assert with_id(headers) == headers


def test_new_ids_are_random_uuids_and_no_two_are_alike() -> None:
    ids = [new_request_id() for _ in range(2000)]
    assert {(uuid.UUID(each).version, uuid.UUID(each).variant) for each in ids} == {(4, uuid.RFC_4122)}
    assert all(str(uuid.UUID(each)) == each and is_uuid(each.encode()) for each in ids)
    assert len(set(ids)) == len(ids)
    for place in (0, 7, 9, 12, 15, 17, 20, 22, 24, 35):
        assert {each[place] for each in ids} == set("0123456789abcdef"), place
