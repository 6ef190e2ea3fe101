"""A localaws whose policies count: what the bootstrap stack's roles may do, and who gets in at all."""

import base64
import configparser
import json
import stat
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.functional.localaws.functions.conftest import zip_of
from tests.sagemaker_jobs import wait_end

ROOT = Path(__file__).parents[4]
ACCOUNT, REGION, PROJECT = "123456789012", "us-east-1", "musher"
BUCKET = f"{PROJECT}-{ACCOUNT}-{REGION}"
AIRFLOW = f"arn:aws:iam::{ACCOUNT}:user/airflow"
Keys = dict[str, str]
COPY = (
    "import os, shutil\n"
    "shutil.copy(os.environ['SM_CHANNEL_TRAIN'] + '/photo.jpg', os.environ['SM_MODEL_DIR'])\n"
)
FUNCTION = (
    "import boto3, os\n"
    "def handler(event, context):\n"
    "    if event.get('who'):\n"
    "        return boto3.client('sts').get_caller_identity()['Arn']\n"
    "    return 'woof'\n"
)


class Enforced:
    """A running localaws, and clients of it by their keys."""

    def __init__(self, url: str, root: Keys) -> None:
        self.url = url
        self.root = root

    def client(self, service: str, keys: Keys | None = None, **config: Any) -> Any:
        """Return a client, the root's unless keys are given."""
        named = keys or self.root
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, **config),
            **named,
        )

    def make_user(self, name: str, *statements: dict[str, Any]) -> Keys:
        """Make a user with an inline policy; return its key."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
        return as_keys(iam.create_access_key(UserName=name)["AccessKey"])

    def assume(self, keys: Keys, role: str, **options: Any) -> Keys:
        """Open a session of a role."""
        arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
        sts = self.client("sts", keys)
        return as_keys(sts.assume_role(RoleArn=arn, RoleSessionName="test", **options)["Credentials"])


def as_keys(made: dict[str, Any]) -> Keys:
    """Return credentials as boto3 takes them."""
    keys = {
        "aws_access_key_id": str(made["AccessKeyId"]),
        "aws_secret_access_key": str(made["SecretAccessKey"]),
    }
    return keys | ({"aws_session_token": str(made["SessionToken"])} if "SessionToken" in made else {})


def refused(call: Callable[[], Any]) -> tuple[str, str]:
    """Return code and message of a call's refusal."""
    with pytest.raises(ClientError) as error:
        call()
    found = error.value.response["Error"]
    return found["Code"], found["Message"]


def get(url: str) -> int:
    """Return the status of a request that nobody signs."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.fixture(scope="module")
def credentials_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the root's key is."""
    return tmp_path_factory.mktemp("root") / "credentials"


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where what is asked for is."""
    return tmp_path_factory.mktemp("record") / "asked.jsonl"


@pytest.fixture(scope="module")
def server(start_server: Any, credentials_file: Path, record: Path) -> Enforced:
    """A localaws that enforces, with the bootstrap stack applied by its root."""
    options = ("--credentials-file", str(credentials_file), "--iam-record", str(record))
    started = start_server("--iam", "enforce", *options)
    parser = configparser.ConfigParser()
    parser.read(credentials_file)
    enforced = Enforced(started.url, dict(parser["default"]))
    cloudformation = enforced.client("cloudformation")
    cloudformation.create_stack(
        StackName="bootstrap",
        TemplateBody=(ROOT / "infra" / "bootstrap.yaml").read_text(),
        Parameters=[{"ParameterKey": "AirflowPrincipalArn", "ParameterValue": AIRFLOW}],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    [stack] = cloudformation.describe_stacks(StackName="bootstrap")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    return enforced


@pytest.fixture(scope="module")
def nobody(server: Enforced) -> Keys:
    """The key of a user who may do nothing."""
    return server.make_user("nobody")


@pytest.fixture(scope="module")
def airflow(server: Enforced) -> Keys:
    """A session of Airflow's role, taken by the user that the stack's parameter names."""
    return server.assume(server.make_user("airflow"), "musher-airflow")


def test_the_root_s_key_is_its_owner_s_alone(server: Enforced, credentials_file: Path) -> None:
    assert stat.S_IMODE(credentials_file.stat().st_mode) == 0o600
    found = server.client("sts").get_caller_identity()
    assert found["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("sagemaker", "list_training_jobs", "UnrecognizedClientException"),
        ("lambda", "list_functions", "UnrecognizedClientException"),
        ("iam", "list_roles", "InvalidClientTokenId"),
        ("ec2", "describe_vpcs", "AuthFailure"),
        ("s3", "list_buckets", "InvalidAccessKeyId"),
        ("cloudwatch", "list_metrics", "UnrecognizedClientException"),
    ],
)
def test_keys_that_nobody_made_are_refused(server: Enforced, service: str, call: str, code: str) -> None:
    made_up = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    assert refused(getattr(server.client(service, made_up), call))[0] == code


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("sagemaker", "list_training_jobs", "InvalidSignatureException"),
        ("iam", "list_roles", "SignatureDoesNotMatch"),
        ("ec2", "describe_vpcs", "AuthFailure"),
        ("s3", "list_buckets", "SignatureDoesNotMatch"),
    ],
)
def test_a_wrong_secret_is_refused(server: Enforced, service: str, call: str, code: str) -> None:
    wrong = server.root | {"aws_secret_access_key": "wrong"}
    assert refused(getattr(server.client(service, wrong), call))[0] == code


@pytest.mark.parametrize(
    ("service", "call", "code", "action"),
    [
        ("sagemaker", "list_training_jobs", "AccessDeniedException", "sagemaker:ListTrainingJobs"),
        ("logs", "describe_log_groups", "AccessDeniedException", "logs:DescribeLogGroups"),
        ("cloudwatch", "list_metrics", "AccessDenied", "cloudwatch:ListMetrics"),
        ("lambda", "list_functions", "AccessDeniedException", "lambda:ListFunctions"),
        ("iam", "list_roles", "AccessDenied", "iam:ListRoles"),
        ("ec2", "describe_vpcs", "UnauthorizedOperation", "ec2:DescribeVpcs"),
        ("s3", "list_buckets", "AccessDenied", "s3:ListAllMyBuckets"),
    ],
)
def test_who_may_do_nothing_is_told_what_he_may_not(
    server: Enforced, nobody: Keys, service: str, call: str, code: str, action: str
) -> None:
    found, message = refused(getattr(server.client(service, nobody), call))
    assert found.startswith(code)
    assert f"User: arn:aws:iam::{ACCOUNT}:user/nobody is not authorized to perform: {action} on" in message
    assert message.endswith(f"because no identity-based policy allows the {action} action")


def test_without_a_signature_only_what_is_open_to_all_is_answered(server: Enforced) -> None:
    s3 = server.client("s3")
    s3.create_bucket(Bucket="open")
    for key in ("public", "private", "listed"):
        s3.put_object(Bucket="open", Key=key, Body=b"x")
    assert get(f"{server.url}/open/public") == 403
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::open/public",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    s3.put_bucket_policy(Bucket="open", Policy=document)
    s3.put_object_acl(Bucket="open", Key="listed", ACL="public-read")
    statuses = {key: get(f"{server.url}/open/{key}") for key in ("public", "private", "listed")}
    assert statuses == {"public": 200, "private": 403, "listed": 200}
    assert get(f"{server.url}/open?list-type=2") == 403
    assert get(f"{server.url}/moto-api/data.json") == 403
    assert get(f"{server.url}/_localaws/health") == 200


def test_airflow_stages_trains_and_no_more(server: Enforced, airflow: Keys) -> None:
    s3, sagemaker = server.client("s3", airflow), server.client("sagemaker", airflow)
    s3.put_object(Bucket=BUCKET, Key=f"{PROJECT}/data/photo.jpg", Body=b"woof")
    code, message = refused(lambda: s3.put_object(Bucket=BUCKET, Key="elsewhere/x", Body=b"x"))
    assert code == "AccessDenied"
    assert f'perform: s3:PutObject on resource: "arn:aws:s3:::{BUCKET}/elsewhere/x"' in message
    job = training_job(role="musher-sagemaker")
    denied = refused(lambda: sagemaker.create_training_job(**job | {"RoleArn": AIRFLOW}))
    assert denied[0] in ("AccessDeniedException", "ValidationException")
    other = server.client("iam").create_role(
        RoleName="other", AssumeRolePolicyDocument=json.dumps(trusting("sagemaker.amazonaws.com"))
    )["Role"]["Arn"]
    code, message = refused(lambda: sagemaker.create_training_job(**job | {"RoleArn": other}))
    assert f"perform: iam:PassRole on resource: {other} because no identity-based" in message
    sagemaker.create_training_job(**job)
    name = {"TrainingJobName": job["TrainingJobName"]}
    ended = wait_end(
        lambda: sagemaker.describe_training_job(**name), status="TrainingJobStatus", timeout_s=60
    )
    assert ended["TrainingJobStatus"] == "Completed", ended.get("FailureReason")


def training_job(*, role: str) -> dict[str, Any]:
    """Return the request of a job that copies its data into its model."""
    place = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/{PROJECT}/data"}
    program = base64.b64encode(COPY.encode()).decode()
    return {
        "TrainingJobName": f"{PROJECT}-copy-{time.time_ns() % 10**9}",
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/{role}",
        "AlgorithmSpecification": {
            "TrainingImage": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/m:1",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python", "-c"],
            "ContainerArguments": [f"import base64; exec(base64.b64decode({program!r}))"],
        },
        "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": place}}],
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/{PROJECT}/jobs"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }


def trusting(service: str) -> dict[str, Any]:
    """Return a trust policy."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def test_a_job_acts_as_its_role(server: Enforced) -> None:
    """Its role may read nothing: the platform, which downloads in its name, may not, either."""
    iam, sagemaker = server.client("iam"), server.client("sagemaker")
    document = json.dumps(trusting("sagemaker.amazonaws.com"))
    iam.create_role(RoleName="powerless", AssumeRolePolicyDocument=document)
    server.client("s3").put_object(Bucket=BUCKET, Key=f"{PROJECT}/data/photo.jpg", Body=b"woof")
    job = training_job(role="powerless")
    sagemaker.create_training_job(**job)
    name = {"TrainingJobName": job["TrainingJobName"]}
    ended = wait_end(
        lambda: sagemaker.describe_training_job(**name), status="TrainingJobStatus", timeout_s=60
    )
    assert ended["TrainingJobStatus"] == "Failed"
    assert "assumed-role/powerless/SageMaker is not authorized to perform: s3:" in ended["FailureReason"]


def test_functions_are_invoked_by_whom_they_are_open_to(server: Enforced, nobody: Keys) -> None:
    iam, lam = server.client("iam"), server.client("lambda")
    document = json.dumps(trusting("lambda.amazonaws.com"))
    role = iam.create_role(RoleName="fn", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    code = {"ZipFile": zip_of({"app.py": FUNCTION})}
    lam.create_function(
        FunctionName="bark", Runtime="python3.11", Handler="app.handler", Role=role, Code=code
    )
    lam.get_waiter("function_active_v2").wait(FunctionName="bark")
    caller = server.client("lambda", nobody)
    code_of, message = refused(lambda: caller.invoke(FunctionName="bark"))
    assert code_of == "AccessDeniedException"
    assert "perform: lambda:InvokeFunction on resource: arn:aws:lambda" in message
    for action in ("InvokeFunction", "InvokeFunctionUrl"):
        lam.add_permission(
            FunctionName="bark",
            StatementId=action,
            Action=f"lambda:{action}",
            Principal=f"arn:aws:iam::{ACCOUNT}:user/nobody",
        )
    answer = caller.invoke(FunctionName="bark", Payload=b'{"who": 1}')
    assert json.load(answer["Payload"]) == f"arn:aws:sts::{ACCOUNT}:assumed-role/fn/bark"


def test_a_function_s_url_asks_for_permission(server: Enforced, nobody: Keys) -> None:
    url = server.client("lambda").create_function_url_config(FunctionName="bark", AuthType="AWS_IAM")
    other = server.make_user("stranger")
    assert call_url(url["FunctionUrl"], nobody) == 200
    assert call_url(url["FunctionUrl"], other) == 403
    assert call_url(url["FunctionUrl"], {"aws_access_key_id": "x", "aws_secret_access_key": "y"}) == 403


def call_url(url: str, keys: Keys) -> int:
    """Return the status of a signed request to a function URL."""
    request = AWSRequest(method="GET", url=url)
    credentials = Credentials(keys["aws_access_key_id"], keys["aws_secret_access_key"])
    SigV4Auth(credentials, "lambda", REGION).add_auth(request)
    sent = urllib.request.Request(url, headers=dict(request.headers.items()))
    try:
        with urllib.request.urlopen(sent, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_endpoints_are_not_invoked_by_everybody(server: Enforced, nobody: Keys) -> None:
    runtime = server.client("sagemaker-runtime", nobody)
    code, message = refused(lambda: runtime.invoke_endpoint(EndpointName="musher-live", Body=b"x"))
    assert code == "AccessDeniedException"
    assert (
        f"sagemaker:InvokeEndpoint on resource: arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/mu" in message
    )


def test_a_session_is_limited_by_its_policy(server: Enforced) -> None:
    own = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [own | {"Action": "s3:ListAllMyBuckets"}]}
    iam = server.client("iam")
    trust = trusting("ec2.amazonaws.com")
    trust["Statement"][0]["Principal"] = {"AWS": ACCOUNT}
    iam.create_role(RoleName="admin", AssumeRolePolicyDocument=json.dumps(trust))
    iam.attach_role_policy(RoleName="admin", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    taker = server.make_user("taker", own)
    limited = server.assume(taker, "admin", Policy=json.dumps(policy))
    server.client("s3", limited).list_buckets()
    assert "because no session policy allows" in refused(server.client("iam", limited).list_roles)[1]
    server.client("iam", server.assume(taker, "admin")).list_roles()


def test_presigned_urls_do_what_their_signer_may(server: Enforced, nobody: Keys, airflow: Keys) -> None:
    server.client("s3").put_object(Bucket=BUCKET, Key=f"{PROJECT}/data/photo.jpg", Body=b"woof")
    params = {"Bucket": BUCKET, "Key": f"{PROJECT}/data/photo.jpg"}
    for version in ("s3", "s3v4"):
        urls = [
            server.client("s3", keys, signature_version=version).generate_presigned_url(
                "get_object", Params=params
            )
            for keys in (airflow, nobody)
        ]
        assert [get(url) for url in urls] == [200, 403], version


def test_what_was_asked_for_is_recorded_once(server: Enforced, nobody: Keys, record: Path) -> None:
    for _ in range(2):
        refused(server.client("iam", nobody).list_users)
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    found = [line for line in lines if line["action"] == "iam:ListUsers"]
    assert found == [
        {
            "principal": f"arn:aws:iam::{ACCOUNT}:user/nobody",
            "action": "iam:ListUsers",
            "resource": found[0]["resource"],
            "context": {},
            "allowed": False,
            "because": "because no identity-based policy allows the iam:ListUsers action",
        }
    ]


def test_recorded_alone_nothing_is_denied(start_server: Any, tmp_path: Path) -> None:
    record = tmp_path / "asked.jsonl"
    server = start_server("--iam", "record", "--iam-record", str(record))
    server.client("s3").create_bucket(Bucket="photos")
    server.client("s3").put_object(Bucket="photos", Key="1.jpg", Body=b"x")
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    assert [(line["action"], line["resource"]) for line in lines] == [
        ("s3:CreateBucket", "arn:aws:s3:::photos"),
        ("s3:PutObject", "arn:aws:s3:::photos/1.jpg"),
    ]
    assert {line["because"] for line in lines} == {"because localaws did not make the key, or it is inactive"}
