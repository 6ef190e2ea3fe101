"""In which order the words of an enumeration are listed, held against lists that AWS has answered."""

import pytest

from localaws.wire.words import as_in_java, as_in_model

RUNTIMES_2021 = (
    "nodejs12.x python3.6 provided nodejs14.x ruby2.7 java11 go1.x provided.al2 java8 java8.al2 "
    "dotnetcore3.1 python3.7 python3.8"
)
"""Of Lambda, in a message that a user of the Serverless framework was shown."""
RUNTIMES_2023 = (
    "java17 provided nodejs16.x nodejs14.x ruby2.7 python3.10 java11 python3.11 dotnet6 go1.x nodejs18.x "
    "provided.al2 java8 java8.al2 ruby3.2 python3.7 python3.8 python3.9"
)
"""Of Lambda, in a message that LocalStack has recorded on AWS."""
MUTABILITIES = "IMMUTABLE MUTABLE MUTABLE_WITH_EXCLUSION IMMUTABLE_WITH_EXCLUSION"
"""Of ECR, in moto's test of PutImageTagMutability."""


@pytest.mark.parametrize("answered", [RUNTIMES_2021, RUNTIMES_2023, MUTABILITIES])
def test_java_s_order_is_that_of_the_lists_aws_has_answered(answered: str) -> None:
    words = answered.split()
    assert as_in_java(words) == words
    assert as_in_java(reversed(words)) != words[::-1]


def test_words_at_one_place_stay_in_their_order() -> None:
    assert as_in_java(["Aa", "BB"]) == ["Aa", "BB"]
    assert as_in_java(["BB", "Aa"]) == ["BB", "Aa"]


def test_the_model_s_order_is_that_of_all_others() -> None:
    assert as_in_model(["b", "a"]) == ["b", "a"]
