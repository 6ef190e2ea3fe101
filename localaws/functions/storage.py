"""Functions and their versions: moto's store, in which no version's number is given twice."""

import copy
from typing import Any

from moto.awslambda.models import LambdaFunction, LambdaStorage


class LocalLambdaStorage(LambdaStorage):
    """moto's store of functions."""

    def publish_version(self, name_or_arn: str, description: str = "") -> LambdaFunction | None:
        """Copy `$LATEST` to a new version; where that is as it was for the last one, return that.

        moto takes an update to what there is already for a change.
        """
        latest: Any = self.get_function_by_name_or_arn_forbid_qualifier(name_or_arn)
        versions: list[Any] = self._functions[latest.function_name]["versions"]
        content = latest.content()
        if versions and versions[-1].published_content == content:
            return versions[-1]  # type: ignore[no-any-return]
        latest.settings.published += 1
        version = copy.copy(latest)
        version.set_version(latest.settings.published)
        version.description = description or latest.description
        version.published_content = content
        versions.append(version)
        self._arns[version.function_arn] = version
        return version  # type: ignore[no-any-return]

    def delete_version(self, name: str, version: str) -> None:
        """Delete one version; one that is not there is fine, as on AWS."""
        versions: list[LambdaFunction] = self._functions[name]["versions"]
        versions[:] = [kept for kept in versions if str(kept.version) != version]

    def delete_function(self, name: str) -> None:
        """Delete a function with its versions and aliases."""
        latest = self.get_function_by_name_forbid_qualifier(name)
        for function in (latest, *self._functions[name]["versions"]):
            self._arns.pop(function.function_arn, None)
        self._aliases.pop(latest.function_arn, None)
        del self._functions[name]
