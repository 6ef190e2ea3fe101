"""The model registry's part of the SageMaker backend: moto's state, from which packages can be deleted."""

import threading
from types import SimpleNamespace
from typing import Any

from moto.sagemaker.exceptions import SagemakerClientError, ValidationError
from moto.sagemaker.models import ModelPackage, SageMakerModelBackend

_lock = threading.Lock()


class ConflictError(SagemakerClientError):
    """Something else needs what is to be deleted."""

    code = "ConflictException"


class RegistryMixin(SageMakerModelBackend):
    """Model packages and groups that can be deleted, and keep what an update does not name."""

    def create_model_package_group(self, model_package_group_name: str, *args: Any, **request: Any) -> str:
        """Create a group; one of that name is kept as it is."""
        with _lock:
            if known := self.model_package_groups.get(model_package_group_name):
                raise ValidationError(f"Model Package Group already exists: {known.arn}")
            return super().create_model_package_group(model_package_group_name, *args, **request)

    def create_model_package(self, *args: Any, **request: Any) -> str:
        """Create a package, once for each ClientToken.

        moto counts a group's packages for the version; deleted ones count here too.
        """
        name, token = request.get("model_package_group_name"), request.get("client_token")
        with _lock:
            for known in self.model_packages.values():
                if token and known.client_token == token:
                    return str(known.arn)
            group = self.model_package_groups.get(name or "")
            if name and not request.get("model_package_name") and group is None:
                raise ValidationError(
                    f"ModelPackageGroup {self._arn('model-package-group', name)} does not exist."
                )
            deleted = group.__dict__.get("deleted", 0) if group else 0
            places = [f"deleted-{number}" for number in range(deleted)]
            counted: Any = SimpleNamespace(model_package_group_name=name)
            self.model_packages.update(dict.fromkeys(places, counted))
            try:
                return super().create_model_package(*args, **request)
            finally:
                for place in places:
                    del self.model_packages[place]

    def describe_model_package(self, model_package_name: str) -> ModelPackage:
        """Return a package, by name or ARN; raises ValidationError in AWS's words."""
        try:
            return super().describe_model_package(model_package_name)
        except ValidationError as error:
            arn = model_package_name
            arn = arn if arn.startswith("arn:") else self._arn("model-package", arn)
            raise ValidationError(f"ModelPackage {arn} does not exist.") from error

    def _arn(self, kind: str, name: str) -> str:
        return f"arn:{self.partition}:sagemaker:{self.region_name}:{self.account_id}:{kind}/{name}"

    def update_model_package(self, model_package_arn: str, *args: Any, **changes: Any) -> str:
        """Change what a request names; moto forgets the status, the reason and the metadata that it does not.

        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateModelPackage.html
        """
        package = self.describe_model_package(model_package_arn)
        if changes["model_approval_status"] is None:
            changes["model_approval_status"] = package.model_approval_status
        if changes["approval_description"] is None:
            changes["approval_description"] = package.approval_description
        named = changes["customer_metadata_properties"] or {}
        changes["customer_metadata_properties"] = (package.customer_metadata_properties or {}) | named
        if package.additional_inference_specifications is not None:
            changes["additional_inference_specifications_to_add"] = (
                changes["additional_inference_specifications_to_add"] or []
            )
        return super().update_model_package(model_package_arn, *args, **changes)

    def delete_model_package(self, name: str) -> None:
        """Delete a package, by name or ARN."""
        package = self.describe_model_package(name)
        with _lock:
            del self.model_packages[package.arn]
            names = self.model_package_name_mapping
            for known in [known for known, arn in names.items() if arn == package.arn]:
                del names[known]
            self._remember(package)

    def _remember(self, package: ModelPackage) -> None:
        """Count a deleted version, whose number is not given again."""
        group = self.model_package_groups.get(package.model_package_group_name or "")
        if group is not None:
            group.__dict__["deleted"] = group.__dict__.get("deleted", 0) + 1

    def delete_model_package_group(self, name: str) -> None:
        """Delete a group, by name or ARN; one that holds packages is refused."""
        group = self.describe_model_package_group(name.rpartition("/")[2])
        held = [package.model_package_group_name for package in self.model_packages.values()]
        if group.model_package_group_name in held:
            raise ConflictError(f"Cannot delete the model package group {group.arn}: it has model packages.")
        del self.model_package_groups[group.model_package_group_name]
