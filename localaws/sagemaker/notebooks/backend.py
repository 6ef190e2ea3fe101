"""The part of the SageMaker backend that is about notebook instances: moto's state, with servers that run."""

import threading
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from moto.sagemaker.exceptions import AWSValidationException
from moto.sagemaker.models import FakeSageMakerNotebookInstanceLifecycleConfig as StockConfig
from moto.sagemaker.models import SageMakerModelBackend

from localaws.context import current
from localaws.sagemaker.notebooks import wording
from localaws.sagemaker.notebooks.instance import LocalNotebookInstance, Place
from localaws.sagemaker.notebooks.lifecycle import LifecycleConfig, check_hooks
from localaws.sagemaker.notebooks.presigned import SESSION_S, URL_S
from localaws.sagemaker.notebooks.runner import ChangeRunner, NotebookRunner, delete
from localaws.sagemaker.notebooks.service import notebook_service
from localaws.sagemaker.notebooks.spec import NotebookSpec
from localaws.sagemaker.notebooks.states import DELETING, PENDING, STOPPED, STOPPING, UPDATING
from localaws.sagemaker.notebooks.validation import check_request, check_room, check_update

_lock = threading.Lock()


class NotebookMixin(SageMakerModelBackend):
    """Notebook instances that are started, stopped, updated, entered and deleted."""

    def run_notebook_instance(self, request: Mapping[str, Any]) -> LocalNotebookInstance:
        """Check a request of CreateNotebookInstance, start the instance in the background, and return it."""
        check_request(request)
        if name := request.get("LifecycleConfigName"):
            self._find_lifecycle(name, verb="create")
        place = Place(account_id=self.account_id, region_name=self.region_name, now=current().clock.now)
        with _lock:
            if taken := self.notebook_instances.get(request["NotebookInstanceName"]):
                raise wording.name_taken(taken.arn)
            check_room(self.notebook_instances, instance_type=request["InstanceType"])
            instance = LocalNotebookInstance(place=place, request=request)
            self.notebook_instances[instance.notebook_instance_name] = instance
        instance.begin()
        self._switch_on(instance)
        return instance

    def _switch_on(self, instance: LocalNotebookInstance) -> None:
        name = instance.lifecycle_config_name
        config = self._find_lifecycle(name, verb="describe") if name else None
        spec = NotebookSpec(
            name=instance.notebook_instance_name,
            arn=instance.arn,
            account_id=self.account_id,
            region=self.region_name,
            role_arn=instance.role_arn,
            scripts=config.scripts(is_new=not instance.has_started) if config else (),
            config_arn=config.arn if config else "",
        )
        runner = NotebookRunner(context=current(), instance=instance, spec=spec, folder=folder_of(instance))
        notebook_service().start(runner, arn=instance.arn)

    def get_notebook_instance(self, notebook_instance_name: str) -> LocalNotebookInstance:
        """Return an instance; raises AWS's error where there is none."""
        found = self.notebook_instances.get(notebook_instance_name)
        if not isinstance(found, LocalNotebookInstance):
            raise AWSValidationException(wording.NOT_FOUND)
        return found

    def start_notebook_instance(self, notebook_instance_name: str) -> None:
        """Switch on an instance that is off; the rest happens in the background."""
        instance = self.get_notebook_instance(notebook_instance_name)
        if instance.lifecycle_config_name:
            self._find_lifecycle(instance.lifecycle_config_name, verb="describe")
        with _lock:
            check_room(self.notebook_instances, instance_type=instance.instance_type)
            instance.ask(PENDING)
        self._switch_on(instance)

    def stop_notebook_instance(self, notebook_instance_name: str) -> None:
        """Switch off an instance that is in service; the rest happens in the background."""
        instance = self.get_notebook_instance(notebook_instance_name)
        instance.ask(STOPPING)
        notebook_service().stop_job(arn=instance.arn)

    def update_notebook_instance(self, request: Mapping[str, Any]) -> None:
        """Change an instance that is off; what changes holds from its next start on."""
        instance = self.get_notebook_instance(request["NotebookInstanceName"])
        check_update(request, volume_gb=instance.volume_size_in_gb)
        if name := request.get("LifecycleConfigName"):
            self._find_lifecycle(name, verb="describe")
        instance.ask(UPDATING)
        instance.change(request)
        self._change(instance, partial(instance.step, STOPPED))

    def delete_notebook_instance(self, notebook_instance_name: str) -> None:
        """Delete an instance that is off, with its volume."""
        instance = self.get_notebook_instance(notebook_instance_name)
        instance.ask(DELETING)
        forget = partial(self.notebook_instances.pop, notebook_instance_name, None)
        self._change(instance, partial(delete, instance, folder=folder_of(instance), forget=forget))

    def _change(self, instance: LocalNotebookInstance, finish: Any) -> None:
        runner = ChangeRunner(context=current(), instance=instance, finish=finish)
        notebook_service().start(runner, arn=instance.arn)

    def presign_notebook_instance(self, name: str, *, session_s: int | None) -> str:
        """Return a URL by which a browser gets in, for some minutes."""
        instance = self.get_notebook_instance(name)
        door = notebook_service().find_door(instance.arn)
        if door is None or instance.status != "InService":
            raise wording.not_in_service(current=instance.status, arn=instance.arn)
        clock = current().clock
        until_s = time.time() + clock.real_seconds(URL_S)
        return door.url(until_s=until_s, session_s=clock.real_seconds(session_s or SESSION_S))

    def create_notebook_instance_lifecycle_config(
        self, notebook_instance_lifecycle_config_name: str, on_create: Any, on_start: Any, tags: Any = None
    ) -> LifecycleConfig:
        """Create a configuration; moto keeps the wall clock's time, and scripts that cannot be read."""
        name, configs = (
            notebook_instance_lifecycle_config_name,
            self.notebook_instance_lifecycle_configurations,
        )
        check_hooks(on_create=on_create, on_start=on_start)
        config = LifecycleConfig(
            now=current().clock.now,
            name=name,
            on_create=on_create,
            on_start=on_start,
            account_id=self.account_id,
            region_name=self.region_name,
        )
        config.tags.extend(tags or ())
        with _lock:
            if name in configs:
                raise wording.config_taken(config.arn)
            configs[name] = config
        return config

    def update_notebook_instance_lifecycle_config(self, name: str, *, on_create: Any, on_start: Any) -> None:
        """Replace the scripts that a request gives; instances run them from their next start on."""
        config = self._find_lifecycle(name, verb="update")
        check_hooks(on_create=on_create, on_start=on_start)
        config.replace(on_create=on_create, on_start=on_start, now=current().clock.now())

    def _find_lifecycle(self, name: str, *, verb: str) -> LifecycleConfig:
        found = self.notebook_instance_lifecycle_configurations.get(name)
        if not isinstance(found, LifecycleConfig):
            arn = StockConfig.arn_formatter(name, self.account_id, self.region_name)
            raise wording.no_config(verb=verb, arn=arn)
        return found

    def _get_resource_from_arn(self, arn: str) -> Any:
        """Return what has tags; moto knows no lifecycle configurations among it."""
        kind, _, name = arn.split(":")[-1].partition("/")
        if kind == "notebook-instance-lifecycle-config":
            return self._find_lifecycle(name, verb="describe")
        if kind == "notebook-instance":
            return self.get_notebook_instance(name)
        return super()._get_resource_from_arn(arn)

    def add_tags(self, arn: str, tags: list[dict[str, str]]) -> list[dict[str, str]]:
        """Add tags to a resource of any kind; a key that it has gets the new value, where moto keeps both."""
        resource, keys = self._get_resource_from_arn(arn), {tag["Key"] for tag in tags}
        resource.tags = [tag for tag in resource.tags or () if tag["Key"] not in keys]
        return super().add_tags(arn, tags)

    def reset(self) -> None:
        """Forget everything; what is on is switched off."""
        running = notebook_service().running()
        for instance in list(self.notebook_instances.values()):
            if (runner := running.get(instance.arn)) is not None:
                runner.abort()
        super().reset()


def folder_of(instance: LocalNotebookInstance) -> Path:
    """Return the folder of an instance, in which its volume lies."""
    return current().data_dir / "notebooks" / instance.folder_name
