"""What belongs to one instance that is on: its computer, and the server of its metadata."""

import base64
from collections.abc import Callable
from typing import Any

from localaws.ec2.container import Computer
from localaws.ec2.metadata import Metadata
from localaws.ec2.metadata_server import MetadataServer
from localaws.ec2.spec import Facts
from localaws.ec2.user_data import Boot, read_user_data


class InstanceHardware:
    """Switched on and off in turn. User data are for the first boot alone."""

    def __init__(self, *, computer: Computer, metadata: Metadata, facts: Callable[[], Facts]) -> None:
        self._computer = computer
        self._metadata = metadata
        self._facts = facts
        self._server: MetadataServer | None = None
        self._has_booted = False
        self._is_frozen = False

    def switch_on(self) -> None:
        """Boot, or go on where it hibernated; raises OSError or ChildStartError where that fails."""
        if self._is_frozen:
            self._is_frozen = False
            self._computer.thaw()
            return
        facts = self._facts()
        boot = Boot() if self._has_booted else read_user_data(facts.user_data)
        self._has_booted = True
        self._server = MetadataServer(self._metadata)
        self._server.start()
        self._computer.start(boot=boot.as_document(), region=facts.region, metadata_url=self._server.url)

    def wait(self, *, timeout_s: float) -> int | None:
        """Wait for its end, at most so many real seconds; return the first program's exit code."""
        return self._computer.wait(timeout_s=timeout_s)

    def press_power(self) -> None:
        """Ask it to shut down; returns at once, and does nothing where it is off."""
        self._computer.press_power()

    def hibernate(self) -> None:
        """Let nothing of it run until it is switched on again, and keep its memory."""
        self._is_frozen = True
        self._computer.freeze()

    def switch_off(self) -> None:
        """Shut it down: nothing of it runs afterwards."""
        self._is_frozen = False
        self._computer.stop()
        if self._server is not None:
            self._server.close()
            self._server = None


def decode(user_data: Any) -> bytes:
    """Return user data as moto keeps them; raises ValueError where they are not in base64."""
    return b"" if user_data is None else base64.b64decode(str(user_data), validate=True)
