"""Addresses in the AWS console, by region and partition."""

import pytest

from musher import console


@pytest.mark.parametrize(
    ("region", "start"),
    [
        ("us-east-1", "https://us-east-1.console.aws.amazon.com/sagemaker/home?region=us-east-1#/jobs/"),
        ("cn-north-1", "https://cn-north-1.console.amazonaws.cn/sagemaker/home?region=cn-north-1#/jobs/"),
        (
            "us-gov-west-1",
            "https://us-gov-west-1.console.amazonaws-us-gov.com/sagemaker/home?region=us-gov-west-1#/jobs/",
        ),
    ],
)
def test_each_partition_has_its_console(region: str, start: str) -> None:
    assert (
        console.training_job(region=region, name="musher-train-0123abcd") == f"{start}musher-train-0123abcd"
    )


@pytest.mark.parametrize("region", ["us-iso-east-1", "us-isob-east-1", "eusc-de-east-1"])
def test_a_region_whose_console_is_not_known_has_no_address(region: str) -> None:
    assert console.endpoint(region=region, name="musher-0123abcd") == ""


def test_each_resource_has_its_page() -> None:
    end = "/home?region=eu-west-1#"
    pages = {
        console.tuning_job: f"sagemaker{end}/hyper-tuning-jobs/a%2Fb",
        console.endpoint: f"sagemaker{end}/endpoints/a%2Fb",
        console.function: f"lambda{end}/functions/a%2Fb",
    }
    for page, wanted in pages.items():
        found = page(region="eu-west-1", name="a/b")
        assert found == f"https://eu-west-1.console.aws.amazon.com/{wanted}"


def test_a_log_is_addressed_as_cloudwatch_s_pages_do() -> None:
    start = "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups"
    group = "$252Faws$252Fsagemaker$252FTrainingJobs"
    assert (
        console.log(region="us-east-1", group="/aws/sagemaker/TrainingJobs") == f"{start}/log-group/{group}"
    )
    assert console.log(region="us-east-1", group="/aws/sagemaker/TrainingJobs", prefix="job-1/") == (
        f"{start}/log-group/{group}$3FlogStreamNameFilter$3Djob-1$252F"
    )


@pytest.mark.parametrize(
    ("url", "is_aws"),
    [
        ("https://api.sagemaker.us-east-1.amazonaws.com", True),
        ("https://sagemaker.cn-north-1.amazonaws.com.cn", True),
        ("https://vpce-0a-b.sagemaker.us-east-1.vpce.amazonaws.com", True),
        ("https://lambda.us-east-1.api.aws", True),
        ("http://127.0.0.1:4566", False),
        ("http://amazonaws.com.evil.example", False),
        ("not an address", False),
    ],
)
def test_only_aws_has_a_console(url: str, is_aws: bool) -> None:
    assert console.is_aws(url) is is_aws
