"""How a table writes resources: `training-job/{TrainingJobName}`.

In braces stands a member's path; several, with commas between, are tried in turn, and `=text` is a text for
where none is sent. `|filter` makes a name, or a whole ARN, of the value (see `filters`). A member that holds
several values stands for several resources. `partition`, `region` and `account` are the request's own.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from localaws.iam.needs.trees import Path, Tree, find_texts, read_path

PART = re.compile(r"\{([^}]+)\}")
ARN, ALL = "arn:", "*"
ARN_PARTS = 6
ALL_STREAMS = ":*"
"""The end of a log group's ARN, as CloudWatch Logs describes it."""


@dataclass(kw_only=True)
class Asking:
    """One request, as far as resources are made of it."""

    tree: Tree
    service: str
    operation: str
    partition: str
    region: str
    account_id: str
    caller_arn: str

    @cached_property
    def own(self) -> Mapping[str, str]:
        """The names that are no members."""
        return {"partition": self.partition, "region": self.region, "account": self.account_id}


Filter = Callable[[str, Asking], str | None]
"""What makes a resource's name, or its whole ARN, of a value; None where it stands for no resource."""


@dataclass(frozen=True, kw_only=True)
class Blank:
    """What stands in a pair of braces."""

    paths: tuple[Path, ...]
    default: str | None = None
    filters: tuple[Filter, ...] = ()

    def values(self, asking: Asking) -> list[str]:
        """Return what it stands for in a request."""
        found: list[str] = []
        for path in self.paths:
            own = asking.own.get(path[0])
            found = [own] if own else find_texts(asking.tree, path)
            if found:
                break
        if not found and self.default is not None:
            found = [self.default]
        for each in self.filters:
            found = [made for value in found if (made := each(value, asking)) is not None]
        return found


@dataclass(frozen=True, kw_only=True)
class Template:
    """A resource, or several."""

    text: str
    parts: tuple[str | Blank, ...] = ()

    def resources(self, asking: Asking) -> list[str]:
        """Return the ARNs that it stands for in a request."""
        values = [[part] if isinstance(part, str) else part.values(asking) for part in self.parts]
        return [self._write(each) for each in product(*values)]

    def _write(self, parts: tuple[str, ...]) -> str:
        """Return one ARN; where the last blank holds an ARN of the same type, it is that one."""
        last = max((place for place, part in enumerate(self.parts) if isinstance(part, Blank)), default=0)
        if is_arn(parts[last]):
            head = "".join(parts[:last]).split(":", ARN_PARTS - 1)[-1]
            if parts[last].split(":", ARN_PARTS - 1)[-1].startswith(head):
                return parts[last].removesuffix(ALL_STREAMS) + "".join(parts[last + 1 :])
        return "".join(parts)


def is_arn(text: str) -> bool:
    """Tell whether a text has the form of an ARN."""
    return text.startswith(ARN) and text.count(":") >= ARN_PARTS - 1


def compile_template(text: str, *, base: str, filters: Mapping[str, Filter]) -> Template:
    """Return a template; one that is no whole ARN goes on after `base`."""
    whole = text if text.startswith(ARN) or text == ALL else base + text
    parts = [
        _compile_blank(part, filters) if number % 2 else part for number, part in enumerate(PART.split(whole))
    ]
    return Template(text=whole, parts=tuple(part for part in parts if part != ""))


def _compile_blank(text: str, filters: Mapping[str, Filter]) -> Blank:
    names, *used = text.split("|")
    paths = [name for name in names.split(",") if not name.startswith("=")]
    defaults = [name[1:] for name in names.split(",") if name.startswith("=")]
    return Blank(
        paths=tuple(map(read_path, paths)),
        default=defaults[0] if defaults else None,
        filters=tuple(filters[name] for name in used),
    )
