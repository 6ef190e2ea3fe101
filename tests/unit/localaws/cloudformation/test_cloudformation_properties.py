"""Names that are made up, and texts that stand for numbers."""

import pytest
from moto.cloudformation.exceptions import ValidationError

from localaws.cloudformation.names import LIMITS, make_name, require_stack_name
from localaws.cloudformation.properties import convert_properties


def test_a_short_name_is_whole() -> None:
    name = make_name(resource_type="AWS::IAM::Role", stack="musher", logical_id="Trainer", suffix="ABC")
    assert name == "musher-Trainer-ABC"


@pytest.mark.parametrize("resource_type", sorted(LIMITS))
@pytest.mark.parametrize(
    ("stack", "logical_id"), [("s" * 128, "L" * 255), ("s", "L" * 255), ("s" * 128, "L")]
)
def test_a_long_name_keeps_a_part_of_both(resource_type: str, stack: str, logical_id: str) -> None:
    name = make_name(resource_type=resource_type, stack=stack, logical_id=logical_id, suffix="0123456789ABC")
    assert len(name) <= LIMITS[resource_type]
    first, second, suffix = name.lower().split("-")
    assert (first[0], second[0], suffix) == ("s", "l", "0123456789abc")


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("my_stack", ["Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"]),
        ("1st", ["Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"]),
        ("s" * 129, ["Member must have length less than or equal to 128"]),
        (
            "_" * 129,
            [
                "Member must have length less than or equal to 128",
                "Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*",
            ],
        ),
    ],
)
def test_a_name_that_no_stack_can_have_is_refused_with_every_reason(name: str, rules: list[str]) -> None:
    told = [f"Value '{name}' at 'stackName' failed to satisfy constraint: {rule}" for rule in rules]
    with pytest.raises(ValidationError) as caught:
        require_stack_name(name)
    assert caught.value.message.endswith(f" detected: {'; '.join(told)}")


@pytest.mark.parametrize("name", ["s", "Stack-1", "s" * 128])
def test_letters_digits_and_hyphens_name_a_stack(name: str) -> None:
    require_stack_name(name)


def test_texts_become_numbers_where_the_api_wants_them() -> None:
    found = convert_properties(
        "AWS::Lambda::Function",
        {
            "Timeout": "30",
            "MemorySize": 256,
            "Publish": "true",
            "Environment": {"Variables": {"COUNT": 5, "FLAG": True}},
            "ReservedConcurrentExecutions": "2",
            "Unknown": "7",
            "EphemeralStorage": {"Size": "much"},
        },
    )
    assert found == {
        "Timeout": 30,
        "MemorySize": 256,
        "Publish": True,
        "Environment": {"Variables": {"COUNT": "5", "FLAG": "true"}},
        "ReservedConcurrentExecutions": 2,
        "Unknown": "7",
        "EphemeralStorage": {"Size": "much"},
    }


def test_entries_of_lists_are_converted() -> None:
    variants = [{"VariantName": "a", "InitialInstanceCount": "2", "InitialVariantWeight": "0.5"}]
    found = convert_properties("AWS::SageMaker::EndpointConfig", {"ProductionVariants": variants})
    assert found["ProductionVariants"][0]["InitialInstanceCount"] == 2
    assert found["ProductionVariants"][0]["InitialVariantWeight"] == 0.5


def test_other_resources_are_left_alone() -> None:
    assert convert_properties("AWS::EC2::VPC", {"CidrBlock": "10.0.0.0/16"}) == {"CidrBlock": "10.0.0.0/16"}
