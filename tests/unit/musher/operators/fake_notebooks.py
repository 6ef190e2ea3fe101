"""SageMaker's notebook instances in memory: AWS's transitions, and its words where one is refused."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from musher.hooks.sagemaker import found_or_none

BUSY_LOOKS = 2
"""Descriptions in which an instance is still busy with what it was asked for."""

OWN = [{"Key": "musher:project", "Value": "musher"}]
ARN = "arn:aws:sagemaker:us-east-1:123456789012:notebook-instance"


def refuse(status: str, allowed: str, operation: str) -> ClientError:
    """Return what AWS raises for a transition from the wrong state."""
    message = f"Status ({status}) not in ([{allowed}]). Unable to transition for Notebook Instance"
    return ClientError({"Error": {"Code": "ValidationException", "Message": message}}, operation)


class FakeNotebooks:
    """Notebook instances and lifecycle configurations; `calls` names what changed something."""

    def __init__(self) -> None:
        self.notebooks: dict[str, dict[str, Any]] = {}
        self.configs: dict[str, dict[str, Any]] = {}
        self.tags: dict[str, list[dict[str, str]]] = {}
        self.calls: list[str] = []
        self.ends: dict[str, list[str]] = {}
        self.looks = 0
        self.fails_with: str | None = None
        """The FailureReason of the next start."""

    def put(
        self, name: str, status: str, *, tags: list[dict[str, str]] | None = None, **members: Any
    ) -> None:
        """Have an instance, and its lifecycle configuration, as if somebody had made them."""
        self.notebooks[name] = {
            "NotebookInstanceName": name,
            "NotebookInstanceArn": f"{ARN}/{name}",
            "NotebookInstanceStatus": status,
            **members,
        }
        self.tags[f"{ARN}/{name}"] = OWN if tags is None else tags

    def be(self, name: str, *steps: str) -> None:
        """Let an instance be in the first state at once, in the others after some looks each."""
        self.notebooks[name]["NotebookInstanceStatus"] = steps[0]
        self.ends[name] = list(steps[1:])
        self.looks = 0

    def describe_notebook_instance(self, *, NotebookInstanceName: str) -> dict[str, Any]:  # noqa: N803
        name = NotebookInstanceName
        self.looks += 1
        if self.ends.get(name) and self.looks > BUSY_LOOKS:
            step = self.ends[name].pop(0)
            self.looks = 0
            if step == "gone":
                del self.notebooks[name]
            else:
                self.notebooks[name]["NotebookInstanceStatus"] = step
        if name not in self.notebooks:
            raise ClientError(
                {"Error": {"Code": "ValidationException", "Message": "RecordNotFound"}}, "Describe"
            )
        return dict(self.notebooks[name])

    def _ask(self, call: str, name: str, *allowed: str) -> None:
        status = self.notebooks[name]["NotebookInstanceStatus"]
        if status not in allowed:
            raise refuse(status, ", ".join(allowed), call)
        self.calls.append(call)

    def _start(self, name: str) -> None:
        if self.fails_with:
            self.notebooks[name]["FailureReason"] = self.fails_with
            self.be(name, "Pending", "Failed")
        else:
            self.be(name, "Pending", "InService")

    def create_notebook_instance(self, **request: Any) -> None:
        name = request["NotebookInstanceName"]
        self.calls.append("create")
        members = {member: request[member] for member in request if member not in ("Tags",)}
        members["NotebookInstanceLifecycleConfigName"] = members.pop("LifecycleConfigName")
        self.put(name, "Pending", tags=request["Tags"], **members)
        self._start(name)

    def start_notebook_instance(self, *, NotebookInstanceName: str) -> None:  # noqa: N803
        self._ask("start", NotebookInstanceName, "Stopped", "Failed")
        self._start(NotebookInstanceName)

    def stop_notebook_instance(self, *, NotebookInstanceName: str) -> None:  # noqa: N803
        self._ask("stop", NotebookInstanceName, "InService")
        self.be(NotebookInstanceName, "Stopping", "Stopped")

    def update_notebook_instance(self, *, NotebookInstanceName: str, **changes: Any) -> None:  # noqa: N803
        self._ask(f"update {' '.join(sorted(changes))}", NotebookInstanceName, "Stopped", "Failed")
        if "LifecycleConfigName" in changes:
            changes["NotebookInstanceLifecycleConfigName"] = changes.pop("LifecycleConfigName")
        self.notebooks[NotebookInstanceName] |= changes
        self.be(NotebookInstanceName, "Updating", "Stopped")

    def delete_notebook_instance(self, *, NotebookInstanceName: str) -> None:  # noqa: N803
        self._ask("delete", NotebookInstanceName, "Stopped", "Failed")
        self.be(NotebookInstanceName, "Deleting", "gone")

    def add_tags(self, *, ResourceArn: str, Tags: list[dict[str, str]]) -> None:  # noqa: N803
        self.calls.append("tag")
        self.tags[ResourceArn] = Tags

    def get_paginator(self, operation: str) -> Any:
        """Return the one page of a list."""
        fake = self

        class Pages:
            def paginate(self, **given: Any) -> Iterator[dict[str, Any]]:
                if operation == "list_tags":
                    yield {"Tags": fake.tags.get(given["ResourceArn"], [])}
                else:
                    found = [one for name, one in fake.notebooks.items() if given["NameContains"] in name]
                    yield {"NotebookInstances": found}

        return Pages()

    def describe_notebook_instance_lifecycle_config(
        self,
        *,
        NotebookInstanceLifecycleConfigName: str,  # noqa: N803
    ) -> dict[str, Any]:
        if NotebookInstanceLifecycleConfigName not in self.configs:
            raise ClientError(
                {"Error": {"Code": "ValidationException", "Message": "RecordNotFound"}}, "Describe"
            )
        return self.configs[NotebookInstanceLifecycleConfigName]

    def create_notebook_instance_lifecycle_config(self, **request: Any) -> None:
        name = request["NotebookInstanceLifecycleConfigName"]
        arn = f"{ARN}-lifecycle-config/{name}"
        self.calls.append("create config")
        self.tags[arn] = request["Tags"]
        self.configs[name] = {"NotebookInstanceLifecycleConfigArn": arn, "OnStart": request["OnStart"]}

    def update_notebook_instance_lifecycle_config(self, **request: Any) -> None:
        self.calls.append("update config")
        self.configs[request["NotebookInstanceLifecycleConfigName"]]["OnStart"] = request["OnStart"]

    def delete_notebook_instance_lifecycle_config(self, *, NotebookInstanceLifecycleConfigName: str) -> None:  # noqa: N803
        self.calls.append("delete config")
        del self.configs[NotebookInstanceLifecycleConfigName]

    def find_notebook(self, name: str) -> dict[str, Any] | None:
        """Do as the hook does."""
        return found_or_none(self.describe_notebook_instance, NotebookInstanceName=name)

    def find_lifecycle_config(self, name: str) -> dict[str, Any] | None:
        """Do as the hook does."""
        return found_or_none(
            self.describe_notebook_instance_lifecycle_config, NotebookInstanceLifecycleConfigName=name
        )
