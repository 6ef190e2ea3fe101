"""The model registry's part of the SageMaker backend: moto's state, from which packages can be deleted."""

import threading
from types import SimpleNamespace
from typing import Any

from moto.sagemaker.exceptions import SagemakerClientError
from moto.sagemaker.models import ModelPackage, SageMakerModelBackend

_lock = threading.Lock()


class ConflictError(SagemakerClientError):
    """Something else needs what is to be deleted."""

    code = "ConflictException"


class RegistryMixin(SageMakerModelBackend):
    """Model packages and groups that can be deleted."""

    def create_model_package(self, *args: Any, **request: Any) -> str:
        """Create a package. moto counts a group's packages for the version; deleted ones count here too."""
        name = request.get("model_package_group_name")
        with _lock:
            group = self.model_package_groups.get(name or "")
            deleted = group.__dict__.get("deleted", 0) if group else 0
            places = [f"deleted-{number}" for number in range(deleted)]
            counted: Any = SimpleNamespace(model_package_group_name=name)
            self.model_packages.update(dict.fromkeys(places, counted))
            try:
                return super().create_model_package(*args, **request)
            finally:
                for place in places:
                    del self.model_packages[place]

    def update_model_package(self, *args: Any, **changes: Any) -> str:
        """Change what a request names; moto forgets the status, reason and properties that it leaves out.

        Properties are added to those that there are, as the request has another member to remove some.
        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateModelPackage.html
        """
        name = changes["model_package_arn"]
        package = self.model_packages.get(self.model_package_name_mapping.get(name, name))
        if package is None:
            return super().update_model_package(*args, **changes)
        for member in ("model_approval_status", "approval_description"):
            changes[member] = changes[member] or getattr(package, member)
        properties = package.customer_metadata_properties or {}
        changes["customer_metadata_properties"] = properties | (changes["customer_metadata_properties"] or {})
        added = "additional_inference_specifications_to_add"
        changes[added] = changes[added] or ([] if package.additional_inference_specifications else None)
        return super().update_model_package(*args, **changes)

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
