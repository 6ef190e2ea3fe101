"""SageMaker actions on notebook instances that moto lacks, or answers without looking."""

from collections.abc import Iterator
from typing import Any, cast

from moto.core.responses import ActionResult, EmptyResult
from moto.sagemaker.responses import SageMakerResponse

from localaws.sagemaker.listing import list_resources
from localaws.sagemaker.notebooks.backend import NotebookMixin
from localaws.sagemaker.notebooks.instance import (
    CHANGED,
    INSTANCES,
    MOTO_MEMBERS,
    OUR_MEMBERS,
    LocalNotebookInstance,
)
from localaws.sagemaker.notebooks.lifecycle import CONFIGS
from localaws.sagemaker.notebooks.validation import DISASSOCIATIONS


class NotebookActions(SageMakerResponse):
    """Added to moto's SageMakerResponse."""

    @property
    def _notebooks(self) -> NotebookMixin:
        return cast(NotebookMixin, self.sagemaker_backend)

    def _read(self, *names: str) -> dict[str, Any]:
        return {name: self._get_param(name) for name in names}

    def create_notebook_instance(self) -> ActionResult:
        """CreateNotebookInstance, with the members that moto drops."""
        instance = self._notebooks.run_notebook_instance(self._read(*MOTO_MEMBERS, *OUR_MEMBERS))
        return ActionResult({"NotebookInstanceArn": instance.arn})

    def update_notebook_instance(self) -> EmptyResult:
        """UpdateNotebookInstance."""
        repositories = ("DefaultCodeRepository", "AdditionalCodeRepositories")
        names = ("NotebookInstanceName", *CHANGED, *repositories, *DISASSOCIATIONS.values())
        self._notebooks.update_notebook_instance(self._read(*names))
        return EmptyResult()

    def create_presigned_notebook_instance_url(self) -> ActionResult:
        """CreatePresignedNotebookInstanceUrl."""
        session_s = self._get_param("SessionExpirationDurationInSeconds")
        name = self._get_param("NotebookInstanceName")
        url = self._notebooks.presign_notebook_instance(name, session_s=session_s)
        return ActionResult({"AuthorizedUrl": url})

    def list_notebook_instances(self) -> ActionResult:
        """ListNotebookInstances, with every filter."""
        return ActionResult(list_resources(self._filtered(), self._get_param, kind=INSTANCES))

    def _filtered(self) -> Iterator[LocalNotebookInstance]:
        """Give the instances that pass the filters which other lists do not have."""
        config = self._get_param("NotebookInstanceLifecycleConfigNameContains")
        code = self._get_param("DefaultCodeRepositoryContains")
        more = self._get_param("AdditionalCodeRepositoryEquals")
        for instance in list(self._notebooks.notebook_instances.values()):
            assert isinstance(instance, LocalNotebookInstance)
            is_listed = (
                (config is None or config.lower() in (instance.lifecycle_config_name or "").lower())
                and (code is None or code in (instance.default_code_repository or ""))
                and (more is None or more in (instance.additional_code_repositories or ()))
            )
            if is_listed:
                yield instance

    def create_notebook_instance_lifecycle_config(self) -> ActionResult:
        """CreateNotebookInstanceLifecycleConfig, with its tags."""
        config = self._notebooks.create_notebook_instance_lifecycle_config(
            self._get_param("NotebookInstanceLifecycleConfigName"),
            on_create=self._get_param("OnCreate"),
            on_start=self._get_param("OnStart"),
            tags=self._get_param("Tags"),
        )
        return ActionResult({"NotebookInstanceLifecycleConfigArn": config.arn})

    def update_notebook_instance_lifecycle_config(self) -> EmptyResult:
        """UpdateNotebookInstanceLifecycleConfig."""
        self._notebooks.update_notebook_instance_lifecycle_config(
            self._get_param("NotebookInstanceLifecycleConfigName"),
            on_create=self._get_param("OnCreate"),
            on_start=self._get_param("OnStart"),
        )
        return EmptyResult()

    def list_notebook_instance_lifecycle_configs(self) -> ActionResult:
        """ListNotebookInstanceLifecycleConfigs."""
        configs = self._notebooks.notebook_instance_lifecycle_configurations.values()
        return ActionResult(list_resources(configs, self._get_param, kind=CONFIGS))
