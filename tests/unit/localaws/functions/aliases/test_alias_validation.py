"""Among which versions an alias may choose."""

from types import SimpleNamespace

import pytest
from moto.awslambda.exceptions import InvalidParameterValueException

from localaws.functions.aliases.validation import check_provisioned, check_versions, check_weights
from tests.objections import objection


@pytest.mark.parametrize("weight", [0, 0.0, 0.5, 1, 1.0])
def test_a_share_may_be_all_or_nothing(weight: float) -> None:
    assert objection(check_weights, {"2": weight}, version="1") is None


def test_no_further_version_is_fine_for_latest_too() -> None:
    assert objection(check_weights, {}, version="$LATEST") is None


@pytest.mark.parametrize(
    ("weights", "version", "message"),
    [
        ({"2": 0.1, "3": 0.1}, "1", "Number of items in AdditionalVersionWeights cannot be greater than 1"),
        ({"2": 0.1}, "$LATEST", "is not supported for an alias pointing to more than 1 version"),
        ({"1": 0.1}, "1", "Function version 1 is already included in routing configuration"),
    ],
)
def test_other_choices_are_refused(weights: dict[str, float], version: str, message: str) -> None:
    with pytest.raises(InvalidParameterValueException, match=message):
        check_weights(weights, version=version)


def version(*, role: str = "r", queue: str | None = None) -> SimpleNamespace:
    """Return what is looked at of a function's version."""
    return SimpleNamespace(role=role, dead_letter_config={"TargetArn": queue} if queue is not None else None)


def test_versions_of_one_role_and_one_queue_may_share_the_traffic() -> None:
    assert objection(check_versions, [version()]) is None
    assert objection(check_versions, [version(), version(queue="")]) is None
    assert objection(check_versions, [version(queue="q"), version(queue="q")]) is None


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (version(role="s"), "Specified versions must be associated with the same execution role"),
        (version(queue="q"), "the same dead-letter queue"),
    ],
)
def test_versions_of_other_roles_and_queues_may_not(other: SimpleNamespace, message: str) -> None:
    with pytest.raises(InvalidParameterValueException, match=message):
        check_versions([version(), other])


def test_an_alias_with_provisioned_concurrency_shares_nothing() -> None:
    check_provisioned({})
    with pytest.raises(InvalidParameterValueException, match="Invalid alias configuration for Provisioned"):
        check_provisioned({"2": 0.5})
