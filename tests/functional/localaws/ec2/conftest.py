"""Instances whose user data are tiny scripts, and what they leave behind."""

import json
import uuid
from typing import Any

import pytest

from tests.namespaces import has_namespaces
from tests.sagemaker_jobs import wait_until

WAIT_S = 180.0
IMAGE_PARAMETER = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


class Instances:
    """Run instances in one AWS, wait for them, and read what they left."""

    def __init__(self, aws: Any) -> None:
        self.aws = aws
        self.ec2, self.s3, self.iam = (aws.client(name) for name in ("ec2", "s3", "iam"))
        self.name = f"box-{uuid.uuid4().hex[:10]}"
        self.s3.create_bucket(Bucket=self.name)
        self.iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=json.dumps(TRUST))
        self.iam.create_instance_profile(InstanceProfileName=self.name)
        self.iam.add_role_to_instance_profile(InstanceProfileName=self.name, RoleName=self.name)
        self.image = aws.client("ssm").get_parameter(Name=IMAGE_PARAMETER)["Parameter"]["Value"]

    def request(self, user_data: str | bytes = "", **more: Any) -> dict[str, Any]:
        """Return a request for one instance that the role's profile belongs to."""
        return {
            "ImageId": self.image,
            "InstanceType": "m5.xlarge",
            "MinCount": 1,
            "MaxCount": 1,
            "IamInstanceProfile": {"Name": self.name},
            "UserData": user_data,
        } | more

    def run(self, user_data: str | bytes = "", **more: Any) -> str:
        """Run one instance; return its id."""
        answer = self.ec2.run_instances(**self.request(user_data, **more))
        return str(answer["Instances"][0]["InstanceId"])

    def describe(self, instance_id: str) -> dict[str, Any]:
        """Return an instance."""
        found = self.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"]
        return dict(found[0]["Instances"][0])

    def wait(self, instance_id: str, state: str) -> dict[str, Any]:
        """Wait for a state; return the instance."""
        wait_until(
            lambda: self.describe(instance_id)["State"]["Name"] == state,
            timeout_s=WAIT_S,
            describe=lambda: (self.describe(instance_id), self.console(instance_id)),
        )
        return self.describe(instance_id)

    def wait_for_line(self, instance_id: str, text: str) -> str:
        """Wait for a text on the console; return all of it."""
        wait_until(
            lambda: text in self.console(instance_id),
            timeout_s=WAIT_S,
            describe=lambda: (self.describe(instance_id), self.console(instance_id)),
        )
        return self.console(instance_id)

    def console(self, instance_id: str) -> str:
        """Return what an instance has said."""
        return str(self.ec2.get_console_output(InstanceId=instance_id)["Output"])

    def read(self, key: str) -> str:
        """Return an object that an instance has written."""
        return str(self.s3.get_object(Bucket=self.name, Key=key)["Body"].read().decode())

    def put(self, key: str) -> str:
        """Return a command that writes its input as an object."""
        program = "import boto3,sys; boto3.client('s3').put_object(Bucket=%r, Key=%r, Body=sys.stdin.read())"
        return f'python3 -c "{program % (self.name, key)}"'

    def end(self, *instance_ids: str) -> None:
        """Terminate instances, and wait for it."""
        self.ec2.terminate_instances(InstanceIds=list(instance_ids))
        for instance_id in instance_ids:
            self.wait(instance_id, "terminated")


@pytest.fixture(scope="module")
def boxes(fast_localaws: Any) -> Instances:
    """Return the instances of a localaws in which time is fast."""
    if not has_namespaces():
        pytest.skip("instances need namespaces")
    return Instances(fast_localaws)
