"""Read docker-compose.yaml as Docker does, so that its services can be started as processes.

Values are interpolated by the rules of the Compose specification that the file uses: `${A}`, `${A:?message}`,
`${A:-default}` and `$$`. What a container has and a process lacks, the hosts of the compose network, is put
in by `Addresses`; nothing else is changed.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?::(?P<kind>[?-])(?P<text>[^}]*))?\})")
UNITS_S = {"s": 1, "m": 60, "h": 3600}
STOP_GRACE = "10s"
"""What Docker gives a service that names no stop_grace_period."""


class ComposeError(ValueError):
    """Report a compose file that cannot be read so; the message is one line."""


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """The ports on 127.0.0.1 that stand for the hosts of the compose network."""

    postgres: int
    redis: int
    api_server: int
    scheduler_health: int
    localaws: int

    def put_into(self, text: str) -> str:
        """Return the text with each host of the compose network replaced."""
        hosts = {
            "@postgres/": f"@127.0.0.1:{self.postgres}/",
            "@redis:6379/": f"@127.0.0.1:{self.redis}/",
            "http://api-server:8080/": f"http://127.0.0.1:{self.api_server}/",
            "http://localhost:8080/": f"http://127.0.0.1:{self.api_server}/",
            "http://localhost:8974/": f"http://127.0.0.1:{self.scheduler_health}/",
            "http://localaws:4566": f"http://127.0.0.1:{self.localaws}",
        }
        for host, address in hosts.items():
            text = text.replace(host, address)
        return text


@dataclass(frozen=True, kw_only=True)
class Service:
    """What Docker would run: the command, its variables, its health check, the time it has to stop."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    health_check: tuple[str, ...] = ()
    """Empty where the service has none."""
    stop_grace_s: float = 10.0


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """Return the text with its variables replaced; raise ComposeError for a required one that is missing."""

    def value(match: re.Match[str]) -> str:
        if match["dollar"]:
            return "$"
        found = variables.get(match["name"], "")
        if found or match["kind"] is None:
            return found
        if match["kind"] == "?":
            raise ComposeError(f"{match['name']} is not set: {match['text']}.")
        return match["text"]

    return VARIABLE.sub(value, text)


def variable_names(text: str) -> set[str]:
    """Return the names of the variables that a compose file interpolates."""
    return {match["name"] for match in VARIABLE.finditer(text) if match["name"]}


def seconds(duration: str) -> float:
    """Return a duration of the Compose specification, such as 1m30s, in seconds."""
    parts = re.findall(r"(\d+)([smh])", duration)
    if "".join(number + unit for number, unit in parts) != duration or not parts:
        raise ComposeError(f"{duration!r} is not a duration. Write it as 90s, 2m or 1h30m.")
    return float(sum(int(number) * UNITS_S[unit] for number, unit in parts))


def read_services(
    path: Path, *, variables: Mapping[str, str], addresses: Addresses | None = None
) -> dict[str, Service]:
    """Return the services of a compose file by name, with all values in place."""
    placed = addresses.put_into if addresses else str

    def finish(text: object) -> str:
        return placed(interpolate(str(text), variables))

    described: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text())["services"]
    return {
        name: Service(
            name=name,
            command=_words(service.get("command", []), finish),
            environment=_environment(service.get("environment", {}), variables, finish),
            health_check=_check(_words(service.get("healthcheck", {}).get("test", []), finish)),
            stop_grace_s=seconds(service.get("stop_grace_period", STOP_GRACE)),
        )
        for name, service in described.items()
    }


def _environment(
    described: Mapping[str, object], variables: Mapping[str, str], finish: Callable[[object], str]
) -> dict[str, str]:
    """Return a service's variables; one without a value is passed on where it is set, else left out."""
    passed_on = {
        name: variables[name] for name, value in described.items() if value is None and name in variables
    }
    return passed_on | {name: finish(value) for name, value in described.items() if value is not None}


def _words(words: list[object], finish: Callable[[object], str]) -> tuple[str, ...]:
    return tuple(finish(word) for word in words)


def _check(test: tuple[str, ...]) -> tuple[str, ...]:
    """Return a health check as an argument list: `CMD` runs as it is, `CMD-SHELL` by a shell."""
    if test[:1] == ("CMD-SHELL",):
        return ("sh", "-c", *test[1:])
    return test[1:]
