"""moto's own tests pass on localaws, but for those that are listed with their reasons."""

from collections.abc import Generator
from pathlib import Path

import pytest

from scripts.moto_suite.adaptations import adapt
from scripts.moto_suite.differences import compare, read_differences
from scripts.moto_suite.sources import UnreachableError, fetch_tests
from scripts.moto_suite.suite import run_service
from tests.functional.conftest import LocalAws, start_localaws, stop_localaws

SERVICES = (
    "sts",
    "applicationautoscaling",
    "sagemakerruntime",
    "servicequotas",
    "codebuild",
    "ecr",
    "events",
    "logs",
    "ssm",
    "sqs",
    "cloudwatch",
    "sns",
    "s3",
    "iam",
    "awslambda",
    "sagemaker",
    "cloudformation",
)
"""Those that localaws changes, but for EC2, whose tests start instances that nothing here would run."""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def server() -> Generator[LocalAws, None, None]:
    """A localaws of their own: they reset it all the time."""
    running = start_localaws()
    yield running
    assert stop_localaws(running) == 0, running.log.read_text()[-3000:]
    running.log.unlink()


@pytest.fixture(scope="module")
def suite(server: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with moto's tests, at the lock's version."""
    folder = tmp_path_factory.mktemp("moto-suite")
    try:
        fetch_tests(folder)
    except UnreachableError as error:
        pytest.skip(f"moto's tests come from a package registry: {error}")
    adapt(folder / "tests", url=server.url)
    return folder


@pytest.mark.parametrize("service", SERVICES)
def test_only_what_is_listed_fails(suite: Path, server: LocalAws, service: str) -> None:
    outcomes = run_service(service, folder=suite, url=server.url)
    found = compare(service, outcomes, read_differences())
    assert not str(found), str(found)
