"""docker-compose.yaml and the images: valid, without default secrets, with options that Airflow knows."""

import dataclasses
import fnmatch
import json
import re
import shlex
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from airflow.cli.cli_parser import get_parser
from airflow.configuration import retrieve_configuration_description
from cryptography.fernet import Fernet

from musher.settings import Settings
from scripts.production_compose import interpolate, read_services, seconds, variable_names
from tests.objections import objection

REPOSITORY = Path(__file__).parents[2]
COMPOSE_TEXT = (REPOSITORY / "docker-compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, Any] = COMPOSE["services"]
AIRFLOW_SERVICES = {"api-server", "scheduler", "dag-processor", "triggerer", "worker"}
DOCKERFILES = ["Dockerfile", "localaws/Dockerfile"]
SECRET_WORDS = ("KEY", "SECRET", "PASSWORD")
LOGGING = "AIRFLOW__LOGGING__"


def lock(name: str) -> dict[str, str]:
    """Return name -> version of a lock."""
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", (REPOSITORY / name).read_text(), re.MULTILINE))


def secrets() -> list[str]:
    """Return the variables of .env that hold a secret, by their names."""
    return sorted(filter(is_secret, variable_names(COMPOSE_TEXT)))


def is_secret(name: str) -> bool:
    """Return whether a variable holds a secret; the ARN of a KMS key is none."""
    return name.endswith(SECRET_WORDS) and not name.endswith("KMS_KEY")


def airflow_options() -> list[str]:
    """Return every AIRFLOW__SECTION__KEY that a service sets."""
    names = {name for service in SERVICES.values() for name in service.get("environment", {})}
    return sorted(name for name in names if name.startswith("AIRFLOW__"))


def airflow_commands() -> list[str]:
    """Return every `airflow ...` command line of the services and their health checks."""
    found = []
    for service in SERVICES.values():
        for words in (service.get("command", []), service.get("healthcheck", {}).get("test", [])):
            if "airflow" in words[:2]:
                found.append(shlex.join(words[words.index("airflow") :]))
            for word in words:
                found += [part.strip() for part in word.split("&&") if part.strip().startswith("airflow ")]
    return sorted(set(found))


def copied(dockerfile: str) -> list[str]:
    """Return the sources of a Dockerfile's COPY lines."""
    lines = (REPOSITORY / dockerfile).read_text().splitlines()
    words = [line.split()[1:] for line in lines if line.startswith("COPY ")]
    return [word for line in words for word in line[:-1] if not word.startswith("--")]


def test_it_follows_the_compose_specification() -> None:
    schemas = resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    schema = json.loads((schemas / "compose-spec.json").read_text())
    assert objection(jsonschema.validate, COMPOSE, schema) is None


def test_it_has_the_services_of_airflow_3_and_their_stores() -> None:
    assert set(SERVICES) == AIRFLOW_SERVICES | {
        "init",
        "postgres",
        "redis",
        "localaws",
        "localaws-bootstrap",
    }


def test_a_plain_up_starts_nothing_of_localaws() -> None:
    local = {name for name, service in SERVICES.items() if service.get("profiles") == ["local"]}
    assert local == {"localaws", "localaws-bootstrap"}
    assert all("profiles" not in service for name, service in SERVICES.items() if name not in local)


def test_every_service_that_stays_up_has_a_health_check() -> None:
    one_shot = {"init", "localaws-bootstrap"}
    assert {name for name, service in SERVICES.items() if "healthcheck" not in service} == one_shot
    assert {name for name, service in SERVICES.items() if service.get("restart") == "no"} == one_shot


def test_airflow_starts_after_the_migration_and_healthy_stores() -> None:
    for name in AIRFLOW_SERVICES:
        conditions = {key: value["condition"] for key, value in SERVICES[name]["depends_on"].items()}
        assert conditions["init"] == "service_completed_successfully"
        assert conditions["postgres"] == conditions["redis"] == "service_healthy"


def test_every_dependency_and_volume_is_defined() -> None:
    for service in SERVICES.values():
        assert set(service.get("depends_on", {})) <= set(SERVICES)
        volumes = [interpolate(volume, {}) for volume in service.get("volumes", [])]
        assert {volume.split(":")[0] for volume in volumes} <= set(COMPOSE["volumes"])


@pytest.mark.parametrize("option", airflow_options())
def test_airflow_knows_each_option(option: str) -> None:
    section, key = option.removeprefix("AIRFLOW__").lower().split("__")
    description = retrieve_configuration_description(include_airflow=True, include_providers=True)
    assert key in description[section]["options"]


def test_the_executor_is_celery() -> None:
    for name in AIRFLOW_SERVICES:
        assert SERVICES[name]["environment"]["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"


@pytest.mark.parametrize("command", airflow_commands())
def test_airflow_knows_each_command_and_its_flags(command: str) -> None:
    arguments = get_parser().parse_args(shlex.split(command)[1:])
    assert callable(arguments.func)


@pytest.mark.parametrize("name", secrets())
def test_no_secret_has_a_default(name: str) -> None:
    uses = re.findall(r"\$\{" + name + r"([^}]*)\}", COMPOSE_TEXT)
    assert uses
    assert all(use.startswith(":?") and len(use) > 2 for use in uses)


def test_every_secret_option_comes_from_the_environment() -> None:
    for service_name, service in SERVICES.items():
        for name, value in service.get("environment", {}).items():
            if is_secret(name) and service_name != "localaws-bootstrap" and value is not None:
                assert re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), (service_name, name)


def test_the_example_names_every_variable_and_holds_no_secret() -> None:
    example = (REPOSITORY / ".env.example").read_text()
    for name in set(re.findall(r"(?<!\$)\$\{(\w+)", COMPOSE_TEXT)):
        assert re.search(rf"^(# )?{name}=", example, re.MULTILINE), name
    assert re.findall(r"^\w+=(.+)", example, re.MULTILINE) == []


def test_the_examples_recipe_makes_a_valid_fernet_key() -> None:
    # 32 bytes in URL-safe base 64, such as this key.
    assert "openssl rand -base64 32 | tr '+/' '-_'" in (REPOSITORY / ".env.example").read_text()
    Fernet(("-_" + "A" * 41 + "=").encode())


@pytest.mark.parametrize("service", sorted(AIRFLOW_SERVICES))
def test_every_setting_of_musher_is_passed(service: str) -> None:
    settings = {f"MUSHER_{field.name.upper()}" for field in dataclasses.fields(Settings)}
    passed = {name for name in SERVICES[service]["environment"] if name.startswith("MUSHER_")}
    assert passed == settings


def test_settings_that_are_not_given_keep_their_defaults() -> None:
    given = dict.fromkeys(secrets(), "x") | {"MUSHER_ACCOUNT_ID": "123456789012"}
    environment = read_services(REPOSITORY / "docker-compose.yaml", variables=given)["worker"].environment
    assert Settings.from_env(environment) == Settings(account_id="123456789012")


@pytest.mark.parametrize("service", sorted(AIRFLOW_SERVICES))
def test_aws_credentials_are_passed_only_where_they_are_given(service: str) -> None:
    names = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
    given = dict.fromkeys(variable_names(COMPOSE_TEXT), "x")
    path = REPOSITORY / "docker-compose.yaml"
    assert not names & read_services(path, variables=given)[service].environment.keys()
    keys = dict.fromkeys(names, "a key")
    assert keys.items() <= read_services(path, variables=given | keys)[service].environment.items()


@pytest.mark.parametrize("service", sorted(AIRFLOW_SERVICES))
def test_task_logs_go_to_s3_where_a_folder_is_given(service: str) -> None:
    given = dict.fromkeys(secrets(), "x") | {"MUSHER_ACCOUNT_ID": "123456789012"}
    path = REPOSITORY / "docker-compose.yaml"
    assert read_services(path, variables=given)[service].environment[f"{LOGGING}REMOTE_LOGGING"] == "false"
    given |= {"AIRFLOW_REMOTE_LOGGING": "true", "AIRFLOW_REMOTE_LOG_FOLDER": "s3://a/b"}
    environment = read_services(path, variables=given)[service].environment
    assert environment[f"{LOGGING}REMOTE_LOGGING"] == "true"
    assert environment[f"{LOGGING}REMOTE_BASE_LOG_FOLDER"] == "s3://a/b"
    assert environment[f"{LOGGING}REMOTE_LOG_CONN_ID"] == environment["MUSHER_AWS_CONN_ID"]


def test_photos_of_the_host_reach_the_worker_read_only() -> None:
    volumes = SERVICES["worker"]["volumes"]
    assert interpolate(volumes[-1], {"PHOTOS_DIR": "/home/you/photos"}) == "/home/you/photos:/data:ro"
    assert interpolate(volumes[-1], {}) == "photos:/data:ro"
    assert set(SERVICES["scheduler"]["volumes"]) <= set(volumes)


def test_every_service_that_stays_up_has_a_memory_limit() -> None:
    for name, service in SERVICES.items():
        if service.get("restart") != "no":
            limit = interpolate(service["deploy"]["resources"]["limits"]["memory"], {})
            assert re.fullmatch(r"\d+[mg]", limit), name


def test_a_worker_that_is_told_to_stop_may_finish_its_tasks() -> None:
    worker = SERVICES["worker"]
    assert worker["environment"]["DUMB_INIT_SETSID"] == "0"
    assert seconds(worker["stop_grace_period"]) >= 600


def test_checks_that_start_airflow_are_rare() -> None:
    for name in AIRFLOW_SERVICES:
        check = SERVICES[name]["healthcheck"]
        is_cheap = "curl" in check["test"]
        assert is_cheap or seconds(check["interval"]) >= 120, name


def test_ports_are_published_on_loopback_only() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"api-server", "localaws"}
    for ports in published.values():
        assert all(port.startswith("127.0.0.1:") for port in ports)


def test_localaws_listens_beyond_loopback_by_explicit_flags() -> None:
    text = (REPOSITORY / "localaws/Dockerfile").read_text()
    assert '"--host", "0.0.0.0", "--allow-remote"' in text


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_what_an_image_copies_exists_and_is_not_ignored(dockerfile: str) -> None:
    patterns = (REPOSITORY / ".dockerignore").read_text().splitlines()
    allowed = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    sources = copied(dockerfile)
    assert sources
    for source in sources:
        assert (REPOSITORY / source).exists(), source
        assert any(fnmatch.fnmatch(source, pattern) for pattern in allowed), source


def test_no_secret_file_reaches_an_image() -> None:
    patterns = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert "*" in patterns
    assert not any(pattern.startswith("!.") for pattern in patterns)


def test_each_build_uses_an_existing_dockerfile() -> None:
    for service in SERVICES.values():
        build = service.get("build")
        if build == ".":
            assert (REPOSITORY / "Dockerfile").is_file()
        elif build:
            assert (REPOSITORY / build["context"] / build["dockerfile"]).is_file()


def test_the_bootstrap_service_applies_the_template_that_its_image_holds() -> None:
    assert "infra/bootstrap.yaml" in SERVICES["localaws-bootstrap"]["command"][-1]
    assert "infra" in copied("localaws/Dockerfile")
    assert SERVICES["localaws-bootstrap"]["image"] == SERVICES["localaws"]["image"]


def test_the_base_image_is_the_locks_airflow_on_python_3_11() -> None:
    version = lock("requirements-production.txt")["apache-airflow"]
    first = (REPOSITORY / "Dockerfile").read_text().split("FROM ")[1].splitlines()[0]
    assert first == f"apache/airflow:slim-{version}-python3.11"


def test_the_production_image_has_no_torch_and_no_emulator() -> None:
    packages = set(lock("requirements-production.txt"))
    assert not packages & {"torch", "torchvision", "moto", "sagemaker", "triton", "pytest", "uv"}
    assert not [name for name in packages if name.startswith("nvidia-")]
    assert {"apache-airflow", "apache-airflow-providers-amazon", "boto3", "celery", "redis"} <= packages
    assert {"asyncpg", "psycopg2-binary", "pillow", "scikit-learn", "jinja2"} <= packages


def test_production_and_laptop_run_the_same_versions() -> None:
    everything = lock("requirements.txt")
    assert {n: v for n, v in lock("requirements-production.txt").items() if everything.get(n) != v} == {}
