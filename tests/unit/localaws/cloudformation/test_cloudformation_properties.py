"""Names that are made up, and texts that stand for numbers."""

import pytest
from moto.cloudformation.exceptions import ValidationError

from localaws.cloudformation.names import LIMITS, make_name, require_stack_name
from localaws.cloudformation.properties import convert_properties, convert_scalar
from tests.objections import objection


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
    assert objection(require_stack_name, name) is None


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


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("integer", "30", 30),
        ("integer", "-1", -1),
        ("long", "+7", 7),
        ("integer", "1_000", "1_000"),
        ("integer", " 7", " 7"),
        ("integer", "7.0", "7.0"),
        ("integer", "²", "²"),
        ("integer", "9" * 5000, "9" * 5000),
        ("integer", True, True),
        ("float", "0.5", 0.5),
        ("double", "1e3", 1000.0),
        ("double", ".5", 0.5),
        ("float", "nan", "nan"),
        ("float", "Infinity", "Infinity"),
        ("float", "", ""),
        ("boolean", "True", True),
        ("boolean", "false", False),
        ("boolean", "yes", "yes"),
        ("boolean", 1, 1),
        ("string", 30, "30"),
        ("string", 0.5, "0.5"),
        ("string", False, "false"),
        ("string", None, None),
        ("timestamp", "2026-01-01", "2026-01-01"),
    ],
)
def test_a_text_is_what_it_says_or_stays(kind: str, value: object, expected: object) -> None:
    """What stays is refused by the API's model, in its words."""
    found = convert_scalar(value, kind)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"Tags": "none"}, {"Tags": "none"}),
        ({"Environment": ["A"]}, {"Environment": ["A"]}),
        ({"Layers": "arn"}, {"Layers": "arn"}),
        ({}, {}),
        (None, None),
    ],
)
def test_a_property_of_another_shape_stays(properties: object, expected: object) -> None:
    assert convert_properties("AWS::Lambda::Function", properties) == expected


def test_a_name_has_no_two_hyphens_in_a_row_and_a_bucket_no_capitals() -> None:
    for kind, name in (("AWS::SQS::Queue", "a-Photos-XY"), ("AWS::S3::Bucket", "a-photos-xy")):
        assert make_name(resource_type=kind, stack="a-", logical_id="Photos", suffix="XY") == name


def test_two_stacks_with_the_same_beginning_keep_as_much_as_there_is_room_for() -> None:
    """A short logical id leaves its room to the stack's name."""
    name = make_name(resource_type="AWS::IAM::Role", stack="s" * 60, logical_id="Job", suffix="0123456789ABC")
    assert name == f"{'s' * 46}-Job-0123456789ABC"
    assert len(name) == LIMITS["AWS::IAM::Role"]
