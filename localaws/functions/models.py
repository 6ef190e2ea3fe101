"""The Lambda backend: moto's state, with functions that are deployed and checked as on AWS."""

import copy
import threading
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaAlias, LambdaBackend, LambdaFunction

from localaws import context as contexts
from localaws.functions import validation
from localaws.functions.function import LocalFunction
from localaws.functions.host import FunctionHost
from localaws.functions.slots import ACCOUNT_LIMIT, UNRESERVED_MINIMUM


class LocalLambdaBackend(LambdaBackend):
    """moto's Lambda, with functions that run."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._update_lock = threading.Lock()

    def create_function(self, spec: dict[str, Any]) -> LambdaFunction:
        """Create a function: Pending, and Active once its code is unpacked."""
        validation.check_name(spec["FunctionName"])
        validation.check_package(spec)
        validation.check_configuration(spec)
        self._check_role(spec["Role"], missing_ok=True)
        function = LocalFunction(  # type: ignore[abstract]  # as moto's LambdaFunction, which it makes too
            self.account_id, spec, self.region_name, "$LATEST"
        )
        self._lambdas.put_function(
            function
        )  # refuses a role that is missing, malformed or of another account
        self._deploy(function)
        if not spec.get("Publish"):
            return function
        answer = copy.copy(function)
        answer.version = self._publish(function.function_name).version
        return answer

    def _deploy(self, function: LocalFunction) -> None:
        versions = [self.layers_versions_by_arn(str(layer["Arn"])) for layer in function.layers]
        function.deploy([version.code_bytes for version in versions if version is not None])

    def _check_role(self, role_arn: str, *, missing_ok: bool = False) -> None:
        account_id, partition = self.account_id, self.partition
        validation.check_role(role_arn, account_id=account_id, partition=partition, missing_ok=missing_ok)

    def _publish(self, name: str, description: str = "") -> LocalFunction:
        """Publish and deploy a version, also while $LATEST is being deployed."""
        version = self._lambdas.publish_version(name, description)
        assert isinstance(version, LocalFunction)
        latest = self._lambdas.get_function_by_name_or_arn_forbid_qualifier(name)
        latest.code_or_config_updated = False
        self._deploy(version)
        return version

    def publish_version(self, function_name: str, description: str = "") -> LambdaFunction | None:
        """Publish a version of $LATEST."""
        self._local(function_name).check_ready_for_update()
        return self._publish(function_name, description)

    def _local(self, name: str, qualifier: str | None = None) -> LocalFunction:
        function = self.get_function(name, qualifier)
        assert isinstance(function, LocalFunction)
        return function

    def update_function_code(
        self, function_name: str, qualifier: str, body: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Replace the code; environments of the old code take no more events once the new one is in place."""
        function = self._local(function_name, qualifier)
        with self._update_lock:
            function.check_ready_for_update()
            function.update_function_code(body)
            if body.get("DryRun"):
                return function.get_configuration()
            function.begin_update()
        self._deploy(function)
        if body.get("Publish"):
            function = self._publish(function_name)
        return function.get_configuration()

    def update_function_configuration(
        self, function_name: str, qualifier: str, body: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Change the configuration; the next events get new environments."""
        validation.check_configuration(body)
        if "Role" in body:
            self._check_role(body["Role"])
        if "Environment" in body:
            body = body | {"Environment": {"Variables": {}} | body["Environment"]}
        function = self._local(function_name, qualifier)
        with self._update_lock:
            function.check_ready_for_update()
            function.update_configuration(body)
            function.begin_update()
        self._deploy(function)
        return function.get_configuration()

    def delete_function(self, function_name: str, qualifier: str | None = None) -> None:
        """Delete a function or a version, and retire its environments."""
        super().delete_function(function_name, qualifier)
        contexts.current().find_service(FunctionHost).refresh()

    def list_versions_by_function(self, function_name: str) -> Iterable[LambdaFunction]:
        """List versions; moto answers an empty list for an ARN, and for a function that is not there."""
        return super().list_versions_by_function(self._local(unquote(function_name)).function_name)

    def list_functions(self, func_version: str | None = None) -> Iterable[LambdaFunction]:
        """List functions; moto copies each one deeply, with all log groups, to list versions."""
        if func_version != "ALL":
            return super().list_functions(func_version)
        latest = super().list_functions(None)
        return [version for fn in latest for version in self.list_versions_by_function(fn.function_name)]

    def put_function_concurrency(self, function_name: str, reserved_concurrency: str) -> str:
        """Reserve concurrency; 100 of the account's 1,000 must stay unreserved."""
        name = self._local(function_name).function_name
        others = sum(
            int(fn.reserved_concurrency or 0) for fn in self.list_functions() if fn.function_name != name
        )
        if others + int(reserved_concurrency) > ACCOUNT_LIMIT - UNRESERVED_MINIMUM:
            raise InvalidParameterValueException(
                "Specified ReservedConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{UNRESERVED_MINIMUM}]."
            )
        return super().put_function_concurrency(function_name, reserved_concurrency)

    def find_alias(self, name: str, qualifier: str) -> LambdaAlias | None:
        """Return the alias that a qualifier names, or None."""
        return next((alias for alias in self.list_aliases(name) if alias.name == qualifier), None)
