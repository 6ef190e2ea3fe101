"""The table of states, the words of AWS, and what is refused."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from moto.core.exceptions import ServiceException

from localaws.sagemaker.endpoints import states, wording
from localaws.sagemaker.endpoints.validation import check_name, check_variants
from tests.objections import objection

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def endpoint(status: str) -> Any:
    return SimpleNamespace(endpoint_status=status, failure_reason=None, last_modified_time=None)


@pytest.mark.parametrize("before", sorted(states.TRANSITIONS))
def test_only_the_moves_of_the_table_are_made(before: str) -> None:
    for to in states.TRANSITIONS:
        found = endpoint(before)
        is_allowed = to in states.TRANSITIONS[before]
        assert states.try_move(cast(Any, found), to=to, now=NOW, reason="why") is is_allowed
        assert found.endpoint_status == (to if is_allowed else before)
        assert found.failure_reason == ("why" if is_allowed else None)
        assert found.last_modified_time == (NOW.replace(tzinfo=None) if is_allowed else None)


def test_what_is_in_progress_can_not_be_deleted() -> None:
    for status in states.IN_PROGRESS:
        assert states.DELETING not in states.TRANSITIONS[status]


def test_reasons_keep_the_last_words_within_the_limit() -> None:
    reason = wording.ping_failed(variant="v", cause="it ended", last_lines=["x" * 3000 + "end"])
    assert len(reason) == wording.FAILURE_REASON_CHARACTERS
    assert reason.endswith("xend")
    of_a_job = wording.ping_failed(variant="v", cause="it ended", last_lines=[], job="transform job t")
    assert of_a_job.startswith("The primary container for transform job t did not pass")
    silent = wording.ping_failed(variant="v", cause="it ended", last_lines=["", " "])
    assert silent.endswith("Cause: it ended. It logged nothing.")


@pytest.mark.parametrize("name", ["", "-a", "a_b", "../x", "a/b", "x" * 64])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(ServiceException, match="at 'endpointName' failed to satisfy constraint"):
        check_name(name, member="endpointName")


def test_good_names_pass() -> None:
    for name in ("a", "A-1", "musher-0123abcd", "x" * 63):
        assert objection(check_name, name, member="endpointName") is None


@pytest.mark.parametrize(
    ("variants", "message"),
    [
        ([], "productionVariants"),
        (
            [{"VariantName": "a", "ModelName": "m"}],
            "Value null at 'productionVariants.1.member.initialInst",
        ),
        ([{"VariantName": "a", "InitialInstanceCount": 1}], "names no model"),
        ([{"VariantName": "a", "ModelName": "m", "InitialInstanceCount": 1}] * 2, "non-unique"),
    ],
)
def test_bad_variants_are_refused(variants: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ServiceException, match=message):
        check_variants(variants)
