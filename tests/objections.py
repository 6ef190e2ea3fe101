"""Say in a test that something is taken, by a check that only raises for what it refuses."""

from collections.abc import Callable
from typing import ParamSpec

Given = ParamSpec("Given")


def objection(check: Callable[Given, object], *args: Given.args, **options: Given.kwargs) -> Exception | None:
    """Return what a check raises; None where it takes what it is given."""
    try:
        check(*args, **options)
    except Exception as error:  # noqa: BLE001  # whatever it is, the test shows it
        return error
    return None
