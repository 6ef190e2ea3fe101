"""What becomes of a request's permissions."""

from enum import Enum


class Mode(Enum):
    """The values of `--iam`."""

    OFF = "off"
    """Nobody asks for them."""
    RECORD = "record"
    """They are written down, and nothing is denied."""
    ENFORCE = "enforce"
    """What policies do not allow is denied."""
