"""infra/helm-values.yaml: the deployment of docker-compose.yaml, without secrets, in the chart's keys."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from musher.settings import Settings
from scripts.production_compose import read_services, seconds, variable_names

REPOSITORY = Path(__file__).parents[2]
TEXT = (REPOSITORY / "infra/helm-values.yaml").read_text()
VALUES: dict[str, Any] = yaml.safe_load(TEXT)
COMPOSE = REPOSITORY / "docker-compose.yaml"
ENV = {item["name"]: item["value"] for item in VALUES["env"]}
OF_THE_CHART = (
    "EXECUTOR",
    "FERNET_KEY",
    "SECRET_KEY",
    "JWT_SECRET",
    "BROKER_URL",
    "RESULT_BACKEND",
    "CONN",
    "URL",
)
"""Ends of variables that the chart sets itself, from secrets and its own addresses."""
CHART_KEYS = {
    "defaultAirflowRepository",
    "defaultAirflowTag",
    "airflowVersion",
    "executor",
    "env",
    "fernetKeySecretName",
    "apiSecretKeySecretName",
    "jwtSecretName",
    "data",
    "postgresql",
    "redis",
    "webserver",
    "scheduler",
    "apiServer",
    "dagProcessor",
    "triggerer",
    "workers",
}
"""Read in the chart's values.yaml of the releases for Airflow 3 (1.18 and later)."""


def compose_environment() -> dict[str, str]:
    """Return the worker's variables, with defaults where there are any."""
    text = COMPOSE.read_text()
    required = {name: "x" for name in variable_names(text) if f"${{{name}:?" in text}
    return dict(read_services(COMPOSE, variables=required)["worker"].environment)


def test_every_key_is_one_that_the_chart_has() -> None:
    assert set(VALUES) <= CHART_KEYS


def test_the_options_of_airflow_are_composes() -> None:
    ours = {name: value for name, value in ENV.items() if name.startswith("AIRFLOW__")}
    compose = {
        name: value
        for name, value in compose_environment().items()
        if name.startswith("AIRFLOW__") and not name.endswith(OF_THE_CHART)
    }
    assert ours.keys() == compose.keys() - {"AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK"}
    same = ours.keys() - {"AIRFLOW__LOGGING__REMOTE_LOGGING", "AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER"}
    assert {name: ours[name] for name in same} == {name: compose[name] for name in same}


def test_musher_accepts_its_variables_once_they_are_filled_in() -> None:
    filled = {name: value.replace("<account>", "123456789012") for name, value in ENV.items()}
    settings = Settings.from_env(
        {name: value.replace("<region>", "eu-west-1") for name, value in filled.items()}
    )
    assert (settings.account_id, settings.region) == ("123456789012", "eu-west-1")


def test_the_version_is_the_locks() -> None:
    lock = (REPOSITORY / "requirements-production.txt").read_text()
    assert f"\napache-airflow=={VALUES['airflowVersion']} " in lock


def test_it_names_secrets_and_holds_none() -> None:
    assert not re.search(r"(?i)(password|secret_?key|fernet_?key|access_?key)\s*[:=]\s*['\"]?\w{8,}", TEXT)
    assert VALUES["webserver"]["defaultUser"]["enabled"] is False
    assert VALUES["postgresql"]["enabled"] is VALUES["redis"]["enabled"] is False


def test_a_worker_has_the_time_that_compose_gives_it() -> None:
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    grace_s = seconds(services["worker"]["stop_grace_period"])
    assert VALUES["workers"]["terminationGracePeriodSeconds"] == grace_s


@pytest.mark.parametrize("part", ["scheduler", "apiServer", "dagProcessor", "triggerer", "workers"])
def test_every_part_has_a_memory_limit(part: str) -> None:
    assert re.fullmatch(r"\d+Gi", VALUES[part]["resources"]["limits"]["memory"])


@pytest.mark.parametrize("part", ["apiServer", "triggerer", "workers"])
def test_what_talks_to_aws_has_the_role(part: str) -> None:
    annotations = VALUES[part]["serviceAccount"]["annotations"]
    assert annotations["eks.amazonaws.com/role-arn"].endswith(":role/musher-airflow")
