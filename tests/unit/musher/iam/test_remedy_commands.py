"""Remedies' calls as lines for a shell: the AWS CLI takes them as they are."""

import json
import shlex

import pytest
from botocore.session import Session

from musher.iam.audit import find_all
from musher.iam.commands import as_command
from musher.iam.findings import Call, Limits
from tests.unit.musher.iam.accounts import ADMIN, account, bucket, role

CALLS = [
    call
    for found in find_all(
        account(
            roles=(role("musher-r", ADMIN),),
            buckets=(bucket(is_versioned=False, is_encrypted=False, is_public_blocked=False),),
        ),
        Limits(),
    )
    for call in found.remedy.calls
]


def test_words_are_the_cli_s_and_documents_are_quoted() -> None:
    document = json.dumps({"Statement": [{"Sid": "It's"}]})
    call = Call(
        service="iam",
        method="create_policy_version",
        arguments={"PolicyArn": "arn:a", "PolicyDocument": document, "SetAsDefault": True},
    )
    words = shlex.split(as_command(call))
    assert words[:5] == ["aws", "iam", "create-policy-version", "--policy-arn", "arn:a"]
    assert words[5:] == ["--policy-document", document, "--set-as-default"]


def test_settings_of_buckets_are_json_of_the_cli_s_other_service() -> None:
    setting = {"Status": "Enabled"}
    call = Call(
        service="s3",
        method="put_bucket_versioning",
        arguments={"Bucket": "b", "VersioningConfiguration": setting},
    )
    words = shlex.split(as_command(call))
    assert words[1:5] == ["s3api", "put-bucket-versioning", "--bucket", "b"]
    assert json.loads(words[6]) == setting


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.method)
def test_each_option_is_a_member_of_aws_s_operation(call: Call) -> None:
    model = Session().get_service_model(call.service)
    operations = {name.lower(): name for name in model.operation_names}
    shape = model.operation_model(operations[call.method.replace("_", "")]).input_shape
    assert shape is not None
    assert set(call.arguments) <= set(shape.members)
    assert as_command(call).count(" --") == len(call.arguments)
