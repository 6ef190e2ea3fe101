"""Read the members of a JSON object, each of which must make sense; what does not is named."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from localaws.errors import FaultRuleError

MAX_LETTERS = 256
"""Letters of a text."""
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def read_document(content: bytes) -> Any:
    """Return what JSON says; raises FaultRuleError."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise FaultRuleError(f"the body is not JSON: {error}") from error


class Members:
    """The members of one object; `path` is where it stands, for messages."""

    def __init__(self, values: Any, *, path: str = "") -> None:
        if not isinstance(values, Mapping):
            raise FaultRuleError(f"{path or 'the body'} must be a JSON object")
        self._values = values
        self._path = f"{path}." if path else ""

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def fail(self, name: str, must: str) -> FaultRuleError:
        """Return the error of a member that makes no sense."""
        if name not in self._values:
            return FaultRuleError(f"{self._path}{name} is missing; it must be {must}")
        return FaultRuleError(f"{self._path}{name} is {shorten(self._values[name])}; it must be {must}")

    def check_names(self, allowed: set[str], *, of: str) -> None:
        """Refuse members that nothing reads."""
        if unknown := sorted(set(self._values) - allowed):
            names = ", ".join(sorted(allowed))
            raise FaultRuleError(f"unknown member '{self._path}{unknown[0][:100]}'; {of} has {names}")

    def raw(self, name: str) -> Any:
        """Return a member as it is; None where it is missing."""
        return self._values.get(name)

    def text(self, name: str, *, default: str | None = None, must: str = "a text") -> str:
        """Return a text that is not empty."""
        value = self._values.get(name, default)
        if not isinstance(value, str) or not value or len(value) > MAX_LETTERS:
            raise self.fail(name, f"{must}, of at most {MAX_LETTERS} letters")
        return value

    def id(self, name: str, *, default: str) -> str:
        """Return a name that can stand in an address."""
        value = self._values.get(name, default)
        if not isinstance(value, str) or not ID.fullmatch(value):
            raise self.fail(name, "1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit")
        return value

    def choice(self, name: str, values: tuple[Any, ...], *, default: Any = None) -> Any:
        """Return one of some values."""
        value = self._values.get(name, default)
        if not isinstance(value, str | int) or isinstance(value, bool) or value not in values:
            raise self.fail(name, f"one of {', '.join(map(str, values))}")
        return value

    def whole(self, name: str, *, least: int, most: int, default: int | None = None) -> int:
        """Return a whole number."""
        value = self._values.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.fail(name, f"a whole number from {least} to {most}")
        return value

    def number(
        self,
        name: str,
        *,
        most: float,
        unit: str,
        least: float = 0,
        default: float | None = None,
    ) -> float:
        """Return a number."""
        value = self._values.get(name, default)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is None or not is_number or not least <= value <= most or math.isnan(value):
            raise self.fail(name, f"a number{unit} from {least:g} to {most:g}")
        return float(value)

    def truth(self, name: str) -> bool:
        """Return true or false; false where it is missing."""
        value = self._values.get(name, False)
        if not isinstance(value, bool):
            raise self.fail(name, "true or false")
        return value


def shorten(value: Any) -> str:
    """Return a value for a message."""
    if isinstance(value, int) and abs(value) >= 10**30:
        return "a number of over 30 digits"
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}..."
