"""docker-compose.yaml read as Docker reads it: interpolation, variables, commands, checks, hosts."""

from pathlib import Path

import pytest

from scripts.production_compose import (
    Addresses,
    ComposeError,
    interpolate,
    read_services,
    seconds,
    variable_names,
)

ADDRESSES = Addresses(postgres=1, redis=2, api_server=3, scheduler_health=4, localaws=5)
COMPOSE = """
services:
  one:
    command: ["sh", "-c", "echo $$HOME ${WORD:-none}"]
    environment:
      A: ${WORD:?say a word}
      B: "7"
      C:
      D:
    healthcheck:
      test: ["CMD-SHELL", "ping $${HOSTNAME}"]
    stop_grace_period: 1m30s
  two:
    healthcheck:
      test: ["CMD", "curl", "http://localhost:8974/health"]
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${SET}", "value"),
        ("${SET:-other}", "value"),
        ("${UNSET:-other}", "other"),
        ("${EMPTY:-other}", "other"),
        ("${UNSET}", ""),
        ("${UNSET:-}", ""),
        ("${SET:?needed}", "value"),
        ("$$SET $${SET}", "$SET ${SET}"),
        ("redis://:${SET}@redis:6379/0", "redis://:value@redis:6379/0"),
    ],
)
def test_variables_are_replaced_by_the_rules_of_compose(text: str, expected: str) -> None:
    assert interpolate(text, {"SET": "value", "EMPTY": ""}) == expected


@pytest.mark.parametrize("variables", [{}, {"KEY": ""}])
def test_a_required_variable_that_is_missing_is_named(variables: dict[str, str]) -> None:
    with pytest.raises(ComposeError, match=r"^KEY is not set: make one\.$"):
        interpolate("${KEY:?make one}", variables)


def test_the_names_of_all_variables_are_found_but_no_escaped_one() -> None:
    assert variable_names("${A} ${B:-x} ${C:?y} $${D} $$E") == {"A", "B", "C"}


@pytest.mark.parametrize(("text", "expected"), [("90s", 90), ("2m", 120), ("1h1m1s", 3661)])
def test_durations_are_read(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "5", "2 m", "1d", "m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ComposeError, match="is not a duration"):
        seconds(text)


def test_a_service_is_what_docker_would_run(tmp_path: Path) -> None:
    path = tmp_path / "compose.yaml"
    path.write_text(COMPOSE)
    services = read_services(path, variables={"WORD": "yes", "C": "passed on"}, addresses=ADDRESSES)
    one, two = services["one"], services["two"]
    assert one.command == ("sh", "-c", "echo $HOME yes")
    assert one.environment == {"A": "yes", "B": "7", "C": "passed on"}
    assert one.health_check == ("sh", "-c", "ping ${HOSTNAME}")
    assert one.stop_grace_s == 90
    assert two.health_check == ("curl", "http://127.0.0.1:4/health")
    assert (two.command, two.environment, two.stop_grace_s) == ((), {}, 10)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("postgresql+psycopg2://airflow:secret@postgres/airflow", "...@127.0.0.1:1/airflow"),
        ("redis://:secret@redis:6379/0", "...@127.0.0.1:2/0"),
        ("http://api-server:8080/execution/", "http://127.0.0.1:3/execution/"),
        ("http://localhost:8080/api/v2/monitor/health", "http://127.0.0.1:3/api/v2/monitor/health"),
        ('{"endpoint_url": "http://localaws:4566"}', '{"endpoint_url": "http://127.0.0.1:5"}'),
        ("musher", "musher"),
    ],
)
def test_hosts_of_the_compose_network_become_ports_of_this_machine(text: str, expected: str) -> None:
    assert ADDRESSES.put_into(text).endswith(expected.removeprefix("..."))
