"""Addresses in AWS's console, by region and partition, and in one of the installation's own."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from musher import console_kinds as kinds
from musher.console import PAGES, AwsConsole, OtherConsole, find_console, is_aws
from musher.settings import Settings

LOCAL = OtherConsole(url="http://127.0.0.1:4566/_localaws/")


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
    found = AwsConsole(region=region).page(kinds.TRAINING_JOB, name="musher-train-0123abcd")
    assert found == f"{start}musher-train-0123abcd"


@pytest.mark.parametrize("region", ["us-iso-east-1", "us-isob-east-1", "eusc-de-east-1"])
def test_a_region_whose_console_is_not_known_has_no_address(region: str) -> None:
    secluded = AwsConsole(region=region)
    assert secluded.page(kinds.ENDPOINT, name="musher-0123abcd") == ""
    assert secluded.log(group="/aws/lambda/f") == ""


@pytest.mark.parametrize(
    ("kind", "page", "fragment"),
    [
        (kinds.TRAINING_JOB, "sagemaker/home?region=eu-west-1#/jobs/a%2Fb", "#job/a%2Fb"),
        (kinds.TUNING_JOB, "sagemaker/home?region=eu-west-1#/hyper-tuning-jobs/a%2Fb", "#job/a%2Fb"),
        (kinds.ENDPOINT, "sagemaker/home?region=eu-west-1#/endpoints/a%2Fb", "#endpoint/a%2Fb"),
        (kinds.FUNCTION, "lambda/home?region=eu-west-1#/functions/a%2Fb", "#function/a%2Fb"),
    ],
)
def test_each_resource_has_its_page(kind: str, page: str, fragment: str) -> None:
    found = AwsConsole(region="eu-west-1").page(kind, name="a/b")
    assert found == f"https://eu-west-1.console.aws.amazon.com/{page}"
    assert LOCAL.page(kind, name="a/b") == f"http://127.0.0.1:4566/_localaws/{fragment}"


def test_a_build_lies_in_its_project() -> None:
    found = AwsConsole(region="us-east-1").page(kinds.BUILD, name="musher-model:0a1b")
    assert found.endswith("/codebuild/projects/home?region=us-east-1#/musher-model/build/musher-model%3A0a1b")
    assert LOCAL.page(kinds.BUILD, name="musher-model:0a1b").endswith("#build/musher-model%3A0a1b")


def test_a_log_is_addressed_as_cloudwatch_s_pages_do() -> None:
    start = "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#logsV2:log-groups"
    group = "$252Faws$252Fsagemaker$252FTrainingJobs"
    aws = AwsConsole(region="us-east-1")
    assert aws.log(group="/aws/sagemaker/TrainingJobs") == f"{start}/log-group/{group}"
    assert aws.log(group="/aws/sagemaker/TrainingJobs", prefix="job-1/") == (
        f"{start}/log-group/{group}$3FlogStreamNameFilter$3Djob-1$252F"
    )


@pytest.mark.parametrize(("prefix", "end"), [("", ""), ("job 1/", "/job%201%2F")])
def test_another_console_s_log_has_one_or_two_parts(prefix: str, end: str) -> None:
    assert LOCAL.log(group="/aws/lambda/f", prefix=prefix) == f"{LOCAL.url}#log/%2Faws%2Flambda%2Ff{end}"


@pytest.mark.parametrize(
    ("url", "is_it"),
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
def test_only_aws_has_aws_s_console(url: str, is_it: bool) -> None:
    assert is_aws(url) is is_it


@pytest.mark.parametrize(
    ("console_url", "endpoint_url", "wanted"),
    [
        ("", "https://api.sagemaker.eu-west-1.amazonaws.com", AwsConsole(region="eu-west-1")),
        ("", "http://127.0.0.1:4566", None),
        (LOCAL.url, "http://127.0.0.1:4566", LOCAL),
        (LOCAL.url, "https://api.sagemaker.eu-west-1.amazonaws.com", LOCAL),
    ],
)
def test_the_installation_s_own_console_comes_first(
    console_url: str, endpoint_url: str, wanted: object
) -> None:
    settings = Settings(account_id="123456789012", console_url=console_url)
    client: Any = SimpleNamespace(meta=SimpleNamespace(endpoint_url=endpoint_url, region_name="eu-west-1"))
    assert find_console(settings, client=client) == wanted


def test_the_laptops_page_knows_every_kind_that_links_lead_to() -> None:
    """Builds have none there: localaws builds no images."""
    page = (Path(__file__).parents[3] / "localaws" / "status" / "page.html").read_text()
    [kinds] = re.findall(r"const KINDS = \{(.*)\};", page)
    words = {pair.partition(":")[0].strip() for pair in kinds.split(",")}
    assert {found.word for found in PAGES.values()} - {"build"} <= words
