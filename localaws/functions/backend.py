"""Functions and versions: moto's state, deployed and checked as on AWS."""

import threading
from collections.abc import Iterable
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, UnknownFunctionException
from moto.awslambda.models import LambdaBackend, LambdaFunction

from localaws import context as contexts
from localaws.functions import validation
from localaws.functions.arns import LATEST, Target
from localaws.functions.errors import ConflictError, RevisionError
from localaws.functions.function import LocalFunction
from localaws.functions.host import FunctionHost
from localaws.functions.storage import LocalLambdaStorage


class FunctionsMixin(LambdaBackend):
    """Overrides moto's functions and versions. Names are without account, region and qualifier."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._lambdas: LocalLambdaStorage = LocalLambdaStorage(region_name=region_name, account_id=account_id)
        self._update_lock = threading.Lock()
        self._settings_lock = threading.RLock()
        """Held while concurrency, aliases and versions are compared and changed: requests are threads."""

    def target(self, name: str, qualifier: str | None = None) -> Target:
        """Name a function of this account and region."""
        return Target(account_id=self.account_id, region=self.region_name, name=name, qualifier=qualifier)

    def find_latest(self, name: str) -> LocalFunction | None:
        """Return a function's `$LATEST`, or None."""
        found: LocalFunction | None = self._lambdas._functions.get(name, {}).get("latest")
        return found

    def local(self, name: str, qualifier: str | None = None) -> LocalFunction:
        """Return a version of a function. Raises UnknownFunctionException with the ARN that was named."""
        function = self.find_latest(name)
        if function is not None and qualifier not in (None, LATEST):
            try:
                function = self._lambdas.get_function_by_name_with_qualifier(name, qualifier)  # type: ignore[assignment]
            except UnknownFunctionException:
                function = None
        if function is None:
            raise UnknownFunctionException(self.target(name, qualifier).arn())
        return function

    # -- creating ----------------------------------------------------------------------------------------

    def create_function(self, spec: dict[str, Any]) -> LambdaFunction:
        """Create a function for another service of moto: Pending, and Active once its code is unpacked."""
        function = self._add_function(spec)
        self.deploy(function)
        if spec.get("Publish"):
            self._publish(function)
        return function

    def describe_new_function(self, spec: dict[str, Any]) -> dict[str, Any]:
        """Create a function; return its configuration as it was before its code was there: always Pending."""
        function = self._add_function(spec)
        answer = function.get_configuration()
        self.deploy(function)
        if spec.get("Publish"):
            answer["Version"] = str(self._publish(function).version)
        return answer

    def _add_function(self, spec: dict[str, Any]) -> LocalFunction:
        name = validation.read_new_name(
            spec["FunctionName"], account_id=self.account_id, region=self.region_name
        )
        spec = spec | {"FunctionName": name}
        validation.check_package(spec)
        validation.check_configuration(spec)
        self._check_role(spec["Role"], missing_ok=True)
        function = LocalFunction(  # type: ignore[abstract]  # as moto's LambdaFunction, which it makes too
            self.account_id, spec, self.region_name, LATEST
        )
        with self._update_lock:
            if self.find_latest(name) is not None:
                raise ConflictError(f"Function already exist: {name}")
            self._lambdas.put_function(function)  # refuses a missing, malformed or foreign role
        return function

    def deploy(self, function: LocalFunction) -> None:
        """Unpack a version's code and layers in the background."""
        versions = [self.layers_versions_by_arn(str(layer["Arn"])) for layer in function.layers]
        function.deploy([version.code_bytes for version in versions if version is not None])

    def _check_role(self, role_arn: str, *, missing_ok: bool = False) -> None:
        account_id, partition = self.account_id, self.partition
        validation.check_role(role_arn, account_id=account_id, partition=partition, missing_ok=missing_ok)

    # -- versions ----------------------------------------------------------------------------------------

    def publish(self, name: str, request: dict[str, Any]) -> LocalFunction:
        """Answer PublishVersion: the last version, where nothing has changed since."""
        self.local(name).check_ready_for_update()
        return self.publish_for_stack(name, request)

    def publish_for_stack(self, name: str, request: dict[str, Any]) -> LocalFunction:
        """Publish a version, also of a function that is still being created."""
        validation.check_absent(request)
        function = self.local(name)
        expected = request.get("CodeSha256")
        if expected and expected != function.code_sha_256:
            raise InvalidParameterValueException(
                f"CodeSHA256 ({expected}) is different from current CodeSHA256 in $LATEST "
                f"({function.code_sha_256}). Please try again with the CodeSHA256 in $LATEST."
            )
        check_revision(request.get("RevisionId"), function.revision_id)
        return self._publish(function, request.get("Description") or "")

    def _publish(self, function: LocalFunction, description: str = "") -> LocalFunction:
        """Publish a version; deploy it, where it is published together with new code."""
        version: Any = self._lambdas.publish_version(function.function_name, description)
        if version.state == "Pending":
            self.deploy(version)
        return version  # type: ignore[no-any-return]

    def list_versions_by_function(self, function_name: str) -> Iterable[LambdaFunction]:
        """List versions; moto answers an empty list for a function that is not there."""
        return super().list_versions_by_function(self.local(function_name).function_name)

    def list_functions(self, func_version: str | None = None) -> Iterable[LambdaFunction]:
        """List functions; moto copies each one deeply, with all log groups, to list versions."""
        latest = super().list_functions(None)
        if func_version != "ALL":
            return latest
        return [version for fn in latest for version in self.list_versions_by_function(fn.function_name)]

    # -- updates -----------------------------------------------------------------------------------------

    def update_code(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        """Replace the code; environments of the old code take no more events once the new one is in place."""
        validation.check_absent(request)
        function = self.local(name)
        with self._update_lock:
            check_revision(request.get("RevisionId"), function.revision_id)
            function.check_ready_for_update()
            if request.get("DryRun"):
                return function.get_configuration()
            if "Architectures" in request:
                function.architectures = request["Architectures"]
            function.replace_code(request)
            function.begin_update()
        answer = function.get_configuration()
        version = self._lambdas.publish_version(name) if request.get("Publish") else None
        if isinstance(version, LocalFunction):
            answer = version.get_configuration()
            self.deploy(version)
        self.deploy(function)
        return answer

    def update_settings(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        """Change the configuration; the next events get new environments."""
        function = self.local(name)
        validation.check_configuration(request)
        if "Role" in request:
            self._check_role(request["Role"])
        if "Environment" in request:
            request = request | {"Environment": {"Variables": {}} | request["Environment"]}
        with self._update_lock:
            check_revision(request.get("RevisionId"), function.revision_id)
            function.check_ready_for_update()
            function.change_configuration(request)
            function.begin_update()
        answer = function.get_configuration()
        self.deploy(function)
        return answer

    def replace(self, name: str, *, settings: dict[str, Any], code: dict[str, Any]) -> None:
        """Take configuration and code of a stack's template together, and deploy them once."""
        function = self.local(name)
        validation.check_configuration(settings)
        with self._update_lock:
            function.replace_code(code)
            function.change_configuration(settings)
            if function.last_update_status != "InProgress":
                function.begin_update()
        self.deploy(function)

    # -- deleting ----------------------------------------------------------------------------------------

    def delete_function(self, function_name: str, qualifier: str | None = None) -> None:
        """Delete a function, or one version that no alias points to; retire its environments."""
        if qualifier == LATEST:
            raise InvalidParameterValueException(
                "$LATEST version cannot be deleted without deleting the function."
            )
        if qualifier is not None and not qualifier.isdecimal():
            raise InvalidParameterValueException("Deletion of aliases is not currently supported.")
        function = self.local(function_name)
        if qualifier is None:
            self._lambdas.delete_function(function_name)
        else:
            with self._settings_lock:
                self._check_unreferenced(function_name, qualifier)
                self._lambdas.delete_version(function_name, qualifier)
                function.settings.forget(qualifier)
        contexts.current().find_service(FunctionHost).refresh()

    def _check_unreferenced(self, name: str, version: str) -> None:
        users = [
            str(alias.name)
            for alias in self.list_aliases(name)
            if version in (alias.function_version, *weights_of(alias.routing_config))
        ]
        if users:
            raise ConflictError(
                f"Unable to delete version because the following aliases reference it: [{', '.join(users)}]"
            )


def weights_of(routing: Any) -> dict[str, float]:
    """Return the shares that an alias's RoutingConfig gives to further versions."""
    return (routing or {}).get("AdditionalVersionWeights") or {}


def check_revision(expected: str | None, actual: str) -> None:
    """Raise RevisionError where a client has not seen the latest revision."""
    if expected and expected != actual:
        raise RevisionError()
