"""What an alias may be."""

import pytest
from moto.awslambda.exceptions import LambdaClientError

from localaws.functions.aliases import validation


@pytest.mark.parametrize("name", ["live", "v1", "a-b_c", "1a"])
def test_a_name_with_a_letter_is_one(name: str) -> None:
    validation.check_name(name)


@pytest.mark.parametrize("name", ["1", "", "a b", "$LATEST", "a" * 129])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(LambdaClientError, match="at 'name' failed to satisfy constraint"):
        validation.check_name(name)


@pytest.mark.parametrize("weight", [-0.1, 1.1, "0.5", None, True])
def test_a_share_is_a_number_from_0_to_1(weight: object) -> None:
    with pytest.raises(LambdaClientError, match="Map value must satisfy constraint"):
        validation.check_weights({"2": weight}, version="1")


def test_a_share_of_all_or_nothing_is_fine() -> None:
    for weight in (0, 0.0, 0.5, 1, 1.0):
        validation.check_weights({"2": weight}, version="1")
    validation.check_weights({}, version="$LATEST")
