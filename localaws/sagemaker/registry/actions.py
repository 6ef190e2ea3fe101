"""SageMaker actions on the model registry that moto lacks."""

from typing import cast

from moto.core.responses import EmptyResult
from moto.sagemaker.responses import SageMakerResponse

from localaws.sagemaker.registry.backend import RegistryMixin


class RegistryActions(SageMakerResponse):
    """Added to moto's SageMakerResponse."""

    @property
    def _registry(self) -> RegistryMixin:
        return cast(RegistryMixin, self.sagemaker_backend)

    def delete_model_package(self) -> EmptyResult:
        """DeleteModelPackage."""
        self._registry.delete_model_package(self._get_param("ModelPackageName"))
        return EmptyResult()

    def delete_model_package_group(self) -> EmptyResult:
        """DeleteModelPackageGroup."""
        self._registry.delete_model_package_group(self._get_param("ModelPackageGroupName"))
        return EmptyResult()
