"""Lifecycle configurations: moto's objects, which can be updated and listed."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moto.sagemaker.models import FakeSageMakerNotebookInstanceLifecycleConfig

from localaws.clock import naive_utc
from localaws.sagemaker.listing import Kind
from localaws.sagemaker.notebooks.wording import not_base64

CREATED, STARTED = "OnCreate", "OnStart"
Hook = Sequence[Mapping[str, str]]
"""What a request gives for one: at most one script."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """One script that is to run."""

    hook: str
    """`LifecycleConfigOnCreate` or `LifecycleConfigOnStart`: the name of its log stream, too."""
    content: str
    """In base64, without line breaks."""


class LifecycleConfig(FakeSageMakerNotebookInstanceLifecycleConfig):
    """A configuration whose attributes are the answer of DescribeNotebookInstanceLifecycleConfig."""

    def __init__(
        self, *, now: Callable[[], datetime], name: str, on_create: Any, on_start: Any, **place: str
    ):
        FakeSageMakerNotebookInstanceLifecycleConfig.__init__(
            self,
            notebook_instance_lifecycle_config_name=name,
            on_create=on_create,
            on_start=on_start,
            **place,
        )
        self.creation_time = self.last_modified_time = naive_utc(now())
        self.tags: list[dict[str, str]] = []

    def is_created(self) -> bool:
        """Whether CloudFormation goes on: there is nothing to wait for."""
        return True

    @property
    def response_object(self) -> dict[str, Any]:
        """Return the answer of DescribeNotebookInstanceLifecycleConfig."""
        return {
            "NotebookInstanceLifecycleConfigArn": self.arn,
            "NotebookInstanceLifecycleConfigName": self.notebook_instance_lifecycle_config_name,
            "OnCreate": list(self.on_create or ()),
            "OnStart": list(self.on_start or ()),
            "CreationTime": self.creation_time,
            "LastModifiedTime": self.last_modified_time,
        }

    def replace(self, *, on_create: Any, on_start: Any, now: datetime) -> None:
        """Take other scripts; a hook that is not given stays as it is."""
        self.on_create = self.on_create if on_create is None else on_create
        self.on_start = self.on_start if on_start is None else on_start
        self.last_modified_time = naive_utc(now)

    def scripts(self, *, is_new: bool) -> list[Script]:
        """Return what runs at a start; OnCreate's once, before OnStart's."""
        hooks = [(CREATED, self.on_create)] if is_new else []
        return [
            Script(hook=f"LifecycleConfig{name}", content="".join(entry["Content"].split()))
            for name, given in (*hooks, (STARTED, self.on_start))
            for entry in given or ()
            if entry.get("Content")
        ]


def summarise(config: LifecycleConfig) -> dict[str, Any]:
    """Return a configuration as it is listed."""
    answer = config.response_object
    return {name: value for name, value in answer.items() if name not in (CREATED, STARTED)}


CONFIGS = Kind(
    answer="NotebookInstanceLifecycleConfigs",
    name="notebook_instance_lifecycle_config_name",
    summarise=summarise,
)


def check_hooks(*, on_create: Hook | None, on_start: Hook | None) -> None:
    """Refuse scripts that are no base64."""
    for name, given in ((CREATED, on_create), (STARTED, on_start)):
        for entry in given or ():
            try:
                base64.b64decode("".join(entry.get("Content", "").split()), validate=True)
            except (binascii.Error, ValueError) as error:
                raise not_base64(name) from error
