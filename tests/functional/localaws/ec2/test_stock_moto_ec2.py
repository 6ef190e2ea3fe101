"""What moto alone does with instances: when one of these fails, moto has learnt it."""

from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.functional.localaws.ec2.conftest import Instances

KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}


class StockMoto:
    """Clients inside `mock_aws`."""

    def client(self, service: str) -> Any:
        """Return a client."""
        return boto3.client(service, **KEYS)


def test_moto_runs_no_user_data() -> None:
    with mock_aws():
        stock = Instances(StockMoto())
        instance_id = stock.run("#!/bin/sh\necho from user data; shutdown -h now\n")
        assert stock.describe(instance_id)["State"]["Name"] == "running"
        assert "from user data" not in stock.console(instance_id)
        assert "Linux version 2.6.16" in stock.console(instance_id)


def test_moto_takes_long_user_data_unknown_types_and_images() -> None:
    with mock_aws():
        stock = Instances(StockMoto())
        for wrong in ({"UserData": "x" * 20_000}, {"InstanceType": "m5.none"}, {"ImageId": "ami-0none"}):
            assert stock.run(**wrong)


def test_moto_makes_the_fewest_instances_that_are_allowed() -> None:
    with mock_aws():
        stock = Instances(StockMoto())
        answer = stock.ec2.run_instances(**stock.request(MinCount=1, MaxCount=2))
        assert len(answer["Instances"]) == 1


def test_moto_gives_the_profile_to_the_first_instance_only() -> None:
    with mock_aws():
        stock = Instances(StockMoto())
        answer = stock.ec2.run_instances(**stock.request(MinCount=2, MaxCount=2))
        first, second = [stock.describe(item["InstanceId"]) for item in answer["Instances"]]
    assert "IamInstanceProfile" in first
    assert "IamInstanceProfile" not in second


def test_moto_starts_a_terminated_instance() -> None:
    with mock_aws():
        stock = Instances(StockMoto())
        instance_id = stock.run()
        stock.ec2.terminate_instances(InstanceIds=[instance_id])
        stock.ec2.start_instances(InstanceIds=[instance_id])
        assert stock.describe(instance_id)["State"]["Name"] == "running"


def test_moto_says_that_a_terminated_instance_is_shutting_down() -> None:
    with mock_aws():
        stock = Instances(StockMoto())
        instance_id = stock.run()
        for _ in range(2):
            answer = stock.ec2.terminate_instances(InstanceIds=[instance_id])
        assert answer["TerminatingInstances"][0]["CurrentState"]["Name"] == "shutting-down"


def test_moto_knows_checks_only_that_have_passed() -> None:
    with mock_aws():
        stock = Instances(StockMoto())
        instance_id = stock.run()
        found = stock.ec2.describe_instance_status(InstanceIds=[instance_id])["InstanceStatuses"]
    with pytest.raises(AssertionError):
        assert found[0]["InstanceStatus"]["Status"] == "initializing"


def test_moto_makes_other_instances_for_a_repeated_token() -> None:
    with mock_aws():
        stock = Instances(StockMoto())
        assert stock.run(ClientToken="one") != stock.run(ClientToken="one")


def test_moto_changes_the_type_of_a_running_instance_and_not_what_a_shutdown_does() -> None:
    with mock_aws():
        stock = Instances(StockMoto())
        instance_id = stock.run()
        change = stock.ec2.modify_instance_attribute
        change(InstanceId=instance_id, InstanceType={"Value": "m5.large"})
        change(InstanceId=instance_id, InstanceInitiatedShutdownBehavior={"Value": "terminate"})
        found = stock.ec2.describe_instance_attribute(
            InstanceId=instance_id, Attribute="instanceInitiatedShutdownBehavior"
        )
        assert found["InstanceInitiatedShutdownBehavior"]["Value"] == "stop"


def test_moto_knows_no_deep_learning_images() -> None:
    with mock_aws():
        ssm = StockMoto().client("ssm")
        with pytest.raises(ssm.exceptions.ParameterNotFound):
            ssm.get_parameter(
                Name="/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-22.04/latest/ami-id"
            )


def test_moto_passes_over_the_protection_and_the_profile_of_a_template() -> None:
    with mock_aws():
        stock = Instances(StockMoto())
        data = {"ImageId": stock.image, "IamInstanceProfile": {"Name": stock.name}}
        stock.ec2.create_launch_template(LaunchTemplateName="a", LaunchTemplateData=data)
        answer = stock.ec2.run_instances(
            LaunchTemplate={"LaunchTemplateName": "a"}, MinCount=1, MaxCount=1, DisableApiTermination=True
        )
        instance_id = answer["Instances"][0]["InstanceId"]
        assert "IamInstanceProfile" not in stock.describe(instance_id)
        stock.ec2.terminate_instances(InstanceIds=[instance_id])


def test_moto_forgets_that_tokens_are_required_when_another_option_changes() -> None:
    with mock_aws():
        stock = Instances(StockMoto())
        instance_id = stock.run(MetadataOptions={"HttpTokens": "required"})
        stock.ec2.modify_instance_metadata_options(InstanceId=instance_id, HttpPutResponseHopLimit=2)
        assert "HttpTokens" not in stock.describe(instance_id)["MetadataOptions"]


def test_moto_names_a_missing_profile_as_iam_does() -> None:
    with mock_aws():
        stock = Instances(StockMoto())
        with pytest.raises(stock.iam.exceptions.ClientError, match="NoSuchEntity"):
            stock.run(IamInstanceProfile={"Name": "nobody"})


def test_moto_stops_the_first_of_two_instances_where_the_second_may_not_be_stopped() -> None:
    with mock_aws():
        stock = Instances(StockMoto())
        first, second = stock.run(), stock.run(DisableApiStop=True)
        with pytest.raises(stock.ec2.exceptions.ClientError, match="OperationNotPermitted"):
            stock.ec2.stop_instances(InstanceIds=[first, second])
        assert stock.describe(first)["State"]["Name"] == "stopped"
