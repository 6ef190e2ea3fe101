"""Among which versions an alias may choose."""

import pytest
from moto.awslambda.exceptions import InvalidParameterValueException

from localaws.functions.aliases.validation import check_weights


@pytest.mark.parametrize("weight", [0, 0.0, 0.5, 1, 1.0])
def test_a_share_may_be_all_or_nothing(weight: float) -> None:
    check_weights({"2": weight}, version="1")


def test_no_further_version_is_fine_for_latest_too() -> None:
    check_weights({}, version="$LATEST")


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
