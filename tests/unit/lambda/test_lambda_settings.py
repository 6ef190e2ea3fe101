"""The function's variables, and the runtime's address in each region of each partition."""

import pytest
from botocore.session import Session
from lambda_settings import FunctionSettings, read_settings, runtime_host

REGIONS = sorted(
    region
    for partition in Session().get_available_partitions()
    for region in Session().get_available_regions("sagemaker", partition)
)


def test_the_address_is_botocore_s_in_every_region() -> None:
    session = Session()
    session.set_credentials("test", "test")
    assert len(REGIONS) > 25
    for region in REGIONS:
        client = session.create_client("sagemaker-runtime", region_name=region)
        assert f"https://{runtime_host(region)}" == client.meta.endpoint_url


def test_what_the_variables_say() -> None:
    environ = {"ENDPOINT_NAME": "e", "AWS_REGION": "eu-central-1", "MUSHER_SHOW_CONTEXT": "1"}
    assert read_settings(environ) == FunctionSettings(
        "e", "eu-central-1", "https://runtime.sagemaker.eu-central-1.amazonaws.com", True
    )
    assert read_settings({"AWS_DEFAULT_REGION": "us-east-1"}).endpoint_name == ""


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:4566/"}, "http://127.0.0.1:4566"),
        (
            {"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": "https://b/c/"},
            "https://b/c",
        ),
    ],
)
def test_another_address_counts_first(environ: dict[str, str], url: str) -> None:
    assert read_settings(environ).base_url == url
