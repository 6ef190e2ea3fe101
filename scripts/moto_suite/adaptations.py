"""Let moto's tests send what AWS takes, where that is all that keeps them from testing.

Many of them name roles, buckets and documents that AWS refuses at the door. What stands here is replaced
before they run, on every server alike; what a test asserts is left alone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

ROLE = "arn:aws:iam::123456789012:role/FakeRole"
"""`preparation` makes it."""
TRUST = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", '
    '"Principal": {"Service": ["lambda.amazonaws.com", "sagemaker.amazonaws.com"]}}]}'
)

STACKS = (
    "depends_on_string_test",
    "depends_on_test",
    "dynamodb_stack",
    "elb_stack",
    "initial_stack",
    "linked_depends_on_test",
    "propagate_tags_test",
    "stack_from_changeset",
    "test_stack_lambda",
    "test_stack_spl",
    "test_stack_with_notifications",
    "test_stack_with_queue",
    "test_stack_without_queue",
    "test_stack_{",
    "test_stack",
    "update_stack_deleted_resources_can_reference_deleted_parameters",
    "update_stack_deleted_resources_can_reference_deleted_resources",
    "update_stack_fail_missing_new_parameter",
    "update_stack_from_url",
    "update_stack_with_previous_value",
)
"""Names that no stack can have, a longer one before those that it begins with."""


@dataclass(frozen=True, kw_only=True)
class Adaptation:
    """What is written in the files of a pattern in place of something else."""

    files: str
    wrong: str
    """A regular expression."""
    right: str


ADAPTATIONS = (
    Adaptation(
        files="test_sagemaker/*.py",
        wrong=r"arn:aws:sagemaker:[a-z0-9-]+:000000000000:(?:x-x|training-job|transform-job|processing-job)/[a-z]+[0-9]?(?:-\{i\})?",
        right=ROLE,
    ),
    Adaptation(files="test_sagemaker/*.py", wrong="s3://MyBucket", right="s3://my-bucket"),
    Adaptation(files="test_sagemaker/*.py", wrong=r'_stack"', right='-stack"'),
    Adaptation(files="test_sagemaker/*_transform.py", wrong='"input"', right='"s3://my-bucket/my-prefix"'),
    Adaptation(files="test_sagemaker/*_transform.py", wrong="blah_model", right="blah-model"),
    Adaptation(
        files="test_sagemaker/*_transform.py",
        wrong='(?<=[=:] )"(?:my|some)-bucket"',
        right='"s3://my-bucket/out"',
    ),
    Adaptation(files="test_sagemaker/*_search.py", wrong='experiment_name"', right='experiment-name"'),
    Adaptation(files="test_sagemaker/*_search.py", wrong="mpg_", right="mpg-"),
    Adaptation(
        files="test_sagemaker/*_expainability.py", wrong='"testconfiguri"', right='"s3://my-bucket/my-prefix"'
    ),
    Adaptation(files="test_sagemaker/*_search.py", wrong="_DEV", right="-DEV"),
    Adaptation(files="test_sagemaker/*_search.py", wrong='"_name"', right='"-name"'),
    Adaptation(files="test_sagemaker/*_search.py", wrong='trial_name"', right='trial-name"'),
    Adaptation(
        files="test_sagemaker/*_search.py", wrong='trial_component_name"', right='trial-component-name"'
    ),
    Adaptation(files="test_sagemaker/*_definitions.py", wrong=r'="(?=arn:aws:iam::\{)', right='=f"'),
    Adaptation(
        files="test_sagemaker/*_training.py", wrong="role_arn=resource_arn", right=f'role_arn="{ROLE}"'
    ),
    Adaptation(files="test_awslambda/*_policy.py", wrong=":account-id:", right=":123456789012:"),
    Adaptation(files="test_awslambda/*.py", wrong='"ZIP"', right='"Zip"'),
    Adaptation(files="test_awslambda/*.py", wrong=r"(?<=stack_name\(\):\n    return )", right='"s" + '),
    Adaptation(files="test_iam/*.py", wrong='"my-path"', right='"/my-path/"'),
    Adaptation(files="test_iam/*.py", wrong='"my-path2"', right='"/my-path2/"'),
    Adaptation(files="test_iam/*.py", wrong='"my/path"', right='"/my/path/"'),
    Adaptation(files="test_iam/*_groups.py", wrong='"/path"', right='"/path/"'),
    Adaptation(files="test_iam/*_groups.py", wrong='"/new-path"', right='"/new-path/"'),
    Adaptation(files="test_*/*.py", wrong=r"(?<=stack_name = )(?=str\(uuid4)", right='"s" + '),
    Adaptation(files="test_*/*.py", wrong=r"(?<=StackName=)(?=str\(uuid4)", right='"s" + '),
    *(
        Adaptation(files="test_*/*.py", wrong=f"(?<=[\"'/]){name}", right=name.replace("_", "-"))
        for name in STACKS
    ),
    Adaptation(files="test_cloudformation/*_crud.py", wrong='"SomeValue"', right='"some-value"'),
    Adaptation(files="test_cloudformation/*_crud.py", wrong='"SomeOtherValue"', right='"some-other-value"'),
    Adaptation(
        files="test_cloudformation/*_crud.py", wrong="non_existing_operation", right="non-existing-operation"
    ),
    Adaptation(files="test_cloudformation/*.py", wrong='"test_bucket"', right='"test-bucket"'),
    Adaptation(files="test_sns/*.py", wrong="Attributes=\\{\\}", right='Attributes={"Enabled": "true"}'),
    Adaptation(files="test_events/*_integration.py", wrong='"n/a"', right='"n-a"'),
    Adaptation(
        files="test_events/*_integration.py",
        wrong='AssumeRolePolicyDocument="{}"',
        right=f"AssumeRolePolicyDocument={TRUST!r}",
    ),
    Adaptation(files="test_events/*_partners_*.py", wrong='"mypartner/', right='"aws.partner/mypartner/'),
    Adaptation(files="test_ecr/*.py", wrong='"10987654321"', right='"109876543210"'),
    Adaptation(files="test_ecr/*.py", wrong="https://10987654321", right="https://109876543210"),
    Adaptation(
        files="test_ecr/*.py",
        wrong="QVdTOjEwOTg3NjU0MzIxLWF1dGgtdG9rZW4=",
        right="QVdTOjEwOTg3NjU0MzIxMC1hdXRoLXRva2Vu",
    ),
    Adaptation(files="test_ecr/*.py", wrong='registryId="(?:123|222)"', right='registryId="222222222222"'),
    Adaptation(
        files="test_ecr/*.py",
        wrong='uploadId="does-not-exist"',
        right='uploadId="11111111-2222-3333-4444-555555555555"',
    ),
    Adaptation(files="test_ssm/*.py", wrong='"a key"', right='"a-key"'),
    Adaptation(files="test_ssm/*.py", wrong=r"_id \+ (?=[\"']bad)", right="_id[:-3] + "),
    Adaptation(
        files="test_*/*.py",
        wrong=r'AssumeRolePolicyDocument="(?:some|test) policy2?"',
        right=f"AssumeRolePolicyDocument={TRUST!r}",
    ),
)


def adapt(tests: Path, *, url: str, adaptations: Sequence[Adaptation] = ADAPTATIONS) -> None:
    """Rewrite moto's tests in place, for the server at `url`: a few name the address of moto's own."""
    address = Adaptation(files="test_*/*.py", wrong=r"(?<!\.)localhost:5000", right=urlsplit(url).netloc)
    for adaptation in (*adaptations, address):
        for path in tests.glob(adaptation.files):
            text = path.read_text()
            changed = adaptation.right.join(re.split(adaptation.wrong, text))
            if changed != text:
                path.write_text(changed)
