"""Find where in a JSON text a part stands."""

from dataclasses import dataclass
from json import JSONDecodeError, JSONDecoder
from json.decoder import WHITESPACE, scanstring  # type: ignore[attr-defined]  # not in typeshed

_decode = JSONDecoder().raw_decode


@dataclass(frozen=True, kw_only=True)
class Position:
    """A place in a text, counted from 1."""

    line: int
    column: int


def find_position(text: str, pointer: str) -> Position:
    """Return where the part at a JSON pointer (RFC 6901) begins; or else what is around it."""
    start = _skip(text, 0)
    for token in pointer.split("/")[1:]:
        found = _enter(text, start, token.replace("~1", "/").replace("~0", "~"))
        if found is None:
            break
        start = found
    return Position(line=text.count("\n", 0, start) + 1, column=start - text.rfind("\n", 0, start))


def _enter(text: str, start: int, token: str) -> int | None:
    """Return where the member or item begins that is called `token`."""
    try:
        if text[start] == "{":
            return _enter_object(text, start, token)
        return _enter_list(text, start, int(token)) if text[start] == "[" else None
    except (ValueError, IndexError, JSONDecodeError, RecursionError):
        return None


def _enter_object(text: str, start: int, name: str) -> int | None:
    """Return where the last member of this name begins: it is the one that counts."""
    found, index = None, _skip(text, start + 1)
    while text[index] == '"':
        key, index = scanstring(text, index + 1, True)
        value = _skip(text, _skip(text, index) + 1)
        if key == name:
            found = value
        index = _skip(text, _decode(text, value)[1])
        index = _skip(text, index + 1) if text[index] == "," else index
    return found


def _enter_list(text: str, start: int, number: int) -> int | None:
    index = _skip(text, start + 1)
    for _ in range(number):
        index = _skip(text, _decode(text, index)[1])
        if text[index] != ",":
            return None
        index = _skip(text, index + 1)
    return index


def _skip(text: str, index: int) -> int:
    """Return where the white space ends."""
    return int(WHITESPACE.match(text, index).end())
