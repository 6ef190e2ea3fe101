"""The tables of what operations need, compiled when a service is first asked."""

import functools
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from localaws.iam.needs.arns import Template, compile_template
from localaws.iam.needs.filters import FILTERS
from localaws.iam.needs.trees import Path, read_path

FOLDER = FilePath(__file__).parent / "tables"
SERVICES = frozenset(path.stem for path in FOLDER.glob("*.toml"))
"""The names that requests are signed for."""
PASS_ROLE = "iam:PassRole"  # noqa: S105 - an action
PASSED_TO = "iam:passedtoservice"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """An action on what a template stands for."""

    action: str
    on: Template
    is_own: bool = True
    """Whether it is the operation's own, on which AWS authorises it in any case."""
    when: Path | None = None
    given: Mapping[str, str] = field(default_factory=dict)
    """Facts that it has besides the request's."""


@dataclass(frozen=True, kw_only=True)
class Tags:
    """Where the tags of a request stand."""

    members: tuple[Path, ...] = ()
    keys: tuple[Path, ...] = ()
    """Keys alone, of tags that are to go."""
    actions: Mapping[str, str] = field(default_factory=dict)
    """Operation -> the action that tags need which it brings."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """What the operations of one service need."""

    page: str
    prefix: str
    """Of its actions."""
    model: str
    """botocore's name of the service."""
    protocols: frozenset[str]
    operations: Mapping[str, tuple[Wanted, ...]]
    tags: Tags
    facts: Mapping[str, tuple[Path, ...]]
    policies: tuple[str, ...]
    """How the resources begin, after the account, that may have a policy of their own."""


def find_table(service: str) -> Table | None:
    """Return the table of a service by the name that requests are signed for; None where there is none."""
    return _read_table(service) if service in SERVICES else None


@functools.cache
def _read_table(service: str) -> Table:
    return compile_table(tomllib.loads((FOLDER / f"{service}.toml").read_text()))


def compile_table(data: Mapping[str, Any]) -> Table:
    """Return a table as its file says it."""
    operations: dict[str, list[Wanted]] = {}
    for name, wanted in (*_own(data), *_besides(data), *_passes(data)):
        operations.setdefault(name, []).append(wanted)
    operations |= {name: [] for name in data.get("free", "").split()}
    return Table(
        page=data["page"],
        prefix=data["prefix"],
        model=data["model"],
        protocols=frozenset(data["protocols"].split()),
        operations={name: tuple(wanted) for name, wanted in operations.items()},
        tags=_tags(data.get("tags", {}), prefix=data["prefix"], operations=operations),
        facts={key.lower(): _paths(value) for key, value in data.get("facts", {}).items()},
        policies=tuple(data.get("policies", ())),
    )


def _own(data: Mapping[str, Any]) -> Iterator[tuple[str, Wanted]]:
    """Yield each operation with the action of its name, or those that it is authorised by."""
    for resource, names in data["on"].items():
        template = _template(resource, data)
        for name in names.split():
            actions = data.get("actions", {}).get(name, name)
            for action in actions.split():
                yield name, Wanted(action=_whole(action, data), on=template)


def _besides(data: Mapping[str, Any]) -> Iterator[tuple[str, Wanted]]:
    for each in data.get("also", ()):
        template, when = _template(each["on"], data), each.get("when")
        for name in each["operations"].split():
            for action in each["actions"].split():
                yield (
                    name,
                    Wanted(
                        action=_whole(action, data),
                        on=template,
                        is_own=False,
                        when=read_path(when) if when else None,
                        given={key.lower(): value for key, value in each.get("given", {}).items()},
                    ),
                )


def _passes(data: Mapping[str, Any]) -> Iterator[tuple[str, Wanted]]:
    for service, members in data.get("passes", {}).items():
        for member, names in members.items():
            template = _template(f"{{{member}}}", data)
            for name in names.split():
                yield (
                    name,
                    Wanted(action=PASS_ROLE, on=template, is_own=False, given={PASSED_TO: service}),
                )


def _tags(data: Mapping[str, Any], *, prefix: str, operations: Mapping[str, Any]) -> Tags:
    """Return where tags stand; one action for all operations, or one for each."""
    action, unasked = data.get("action", {}), data.get("unasked", "").split()
    if isinstance(action, str):
        action = {name: action for name in operations if name != action and name not in unasked}
    return Tags(
        members=_paths(data.get("members", "")),
        keys=_paths(data.get("keys", "")),
        actions={name: f"{prefix}:{each}" for name, each in action.items()},
    )


def _template(text: str, data: Mapping[str, Any]) -> Template:
    return compile_template(text, base=data["arn"], filters=FILTERS)


def _whole(action: str, data: Mapping[str, Any]) -> str:
    return action if ":" in action else f"{data['prefix']}:{action}"


def _paths(text: str) -> tuple[Path, ...]:
    return tuple(map(read_path, text.split()))
