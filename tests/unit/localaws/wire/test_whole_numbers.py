"""Whole numbers that are written with a point or an exponent."""

import json
from typing import Any

import pytest

from localaws.wire.whole_numbers import rewrite

SCOPE = "AWS4-HMAC-SHA256 Credential=test/20261128/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"


def rewritten(body: str, *, service: str, action: str) -> Any:
    """Return the members of a request as they are handed on."""
    headers = {"authorization": SCOPE.format(service), "x-amz-target": f"Any.{action}"}
    found = rewrite(body.encode(), method="POST", path="/", query="", headers=headers)
    return found.decode() if found == body.encode() else json.loads(found)


def test_integers_at_any_depth_are_written_as_such() -> None:
    """Slices and ranges take no floats: such a request was a failure of localaws."""
    assert rewritten('{"limit": 1e3}', service="logs", action="FilterLogEvents") == {"limit": 1000}
    sent = (
        '{"ProductionVariants": [{"InitialInstanceCount": 2.0, "InitialVariantWeight": 1.0}], "Other": 1.0}'
    )
    found = rewritten(sent, service="sagemaker", action="CreateEndpointConfig")
    (variant,) = found["ProductionVariants"]
    assert [repr(value) for value in (*variant.values(), found["Other"])] == ["2", "1.0", "1.0"]


@pytest.mark.parametrize(
    ("body", "service", "action"),
    [
        ('{"limit": 5}', "logs", "FilterLogEvents"),
        ('{"filterPattern": "1e3"}', "logs", "FilterLogEvents"),
        ('{"limit": 1e3}', "logs", "NoSuchAction"),
        ('{"limit": 1e3}', "nosuchservice", "FilterLogEvents"),
    ],
)
def test_everything_else_stays_as_it_was_sent(body: str, service: str, action: str) -> None:
    assert rewritten(body, service=service, action=action) == body
