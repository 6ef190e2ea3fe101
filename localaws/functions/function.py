"""A function that can be deployed: moto's, with AWS's states and checked code."""

import base64
import binascii
from pathlib import Path
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaFunction
from moto.core.exceptions import JsonRESTError
from moto.s3.exceptions import MissingBucket
from moto.s3.models import s3_backends

from localaws.errors import ArchiveError
from localaws.functions import packages, states
from localaws.functions.current import function_service
from localaws.functions.errors import InvalidRuntimeError, ResourceConflictError
from localaws.functions.specs import EnvironmentSpec


class LocalFunction(LambdaFunction):
    """One version of a function. `task_root` is where its code is unpacked, once it is."""

    state_reason: str | None = "The function is being created."
    state_reason_code: str | None = "Creating"
    last_update_status = "Successful"
    last_update_reason: str | None = None
    task_root: Path | None = None
    layer_roots: tuple[Path, ...] = ()

    def __init__(self, account_id: str, spec: dict[str, Any], region: str, version: str | int = 1) -> None:
        super().__init__(account_id, spec, region, version)
        self.state = "Active" if self.package_type == "Image" else "Pending"

    def _set_function_code(self, updated_spec: dict[str, Any]) -> None:
        """Check the code before moto takes it, so that a refused update changes nothing."""
        if "ImageUri" in updated_spec:
            super()._set_function_code(updated_spec)
            return
        code = self._read_code(updated_spec)
        try:
            packages.check(code)
        except ArchiveError as error:
            raise InvalidParameterValueException(str(error)) from error
        super()._set_function_code({**updated_spec, "ZipFile": base64.b64encode(code).decode()})
        self.code.pop("ZipFile", None)

    def _read_code(self, spec: dict[str, Any]) -> bytes:
        """Return the zip from the request or from S3, as it is now."""
        if "ZipFile" in spec:
            try:
                return base64.b64decode(spec["ZipFile"], validate=True)
            except (binascii.Error, ValueError) as error:
                raise InvalidParameterValueException(packages.UNREADABLE) from error
        if "S3Bucket" not in spec or "S3Key" not in spec:
            raise InvalidParameterValueException("Please provide a source for function code.")
        return self._read_object(spec)

    def _read_object(self, spec: dict[str, Any]) -> bytes:
        backend = s3_backends[self.account_id][self.partition]
        start = "Error occurred while GetObject. S3 Error Code:"
        try:
            key = backend.get_object(spec["S3Bucket"], spec["S3Key"], spec.get("S3ObjectVersion"))
        except MissingBucket as error:
            message = f"{start} NoSuchBucket. S3 Error Message: The specified bucket does not exist"
            raise InvalidParameterValueException(message) from error
        if key is None:
            message = f"{start} NoSuchKey. S3 Error Message: The specified key does not exist."
            raise InvalidParameterValueException(message)
        return bytes(key.value)

    def get_configuration(self, on_create: bool = False) -> dict[str, Any]:
        """Return what GetFunctionConfiguration answers, with the states of deployment."""
        configuration = super().get_configuration(on_create=on_create)
        if (
            on_create and self.package_type == "Zip"
        ):  # it may be deployed by now, which CreateFunction never says
            created = type(self)
            configuration |= {"State": "Pending", "StateReason": created.state_reason}
            configuration["StateReasonCode"] = created.state_reason_code
        elif self.state_reason:
            configuration |= {"StateReason": self.state_reason, "StateReasonCode": self.state_reason_code}
        if not on_create:
            configuration["LastUpdateStatus"] = self.last_update_status
        if self.last_update_reason:
            configuration["LastUpdateStatusReason"] = self.last_update_reason
        return configuration

    def check_ready_for_update(self) -> None:
        """Raise ResourceConflictError while the function is created or updated."""
        if self.state == "Pending":
            raise ResourceConflictError("The function is currently in the following state: Pending")
        if self.last_update_status == "InProgress":
            raise ResourceConflictError(f"An update is in progress for resource: {self.function_arn}")

    def begin_update(self) -> None:
        """Note that a deployment has begun."""
        if self.state == "Active":
            self.last_update_status = states.step(states.UPDATE, self.last_update_status, "InProgress")
        elif self.state == "Failed":
            self.state = states.step(states.FUNCTION, self.state, "Pending")

    def deployed(self, *, task_root: Path, layer_roots: tuple[Path, ...]) -> None:
        """Note that the code is in place."""
        self.task_root, self.layer_roots = task_root, layer_roots
        self.state_reason = self.state_reason_code = self.last_update_reason = None
        if self.state == "Pending":
            self.state = states.step(states.FUNCTION, self.state, "Active")
        if self.last_update_status == "InProgress":
            self.last_update_status = states.step(states.UPDATE, self.last_update_status, "Successful")

    def deployment_failed(self, reason: str) -> None:
        """Note that the code could not be put in place."""
        if self.state == "Pending":
            self.state = states.step(states.FUNCTION, self.state, "Failed")
            self.state_reason, self.state_reason_code = reason, "InvalidZipFileException"
        else:
            self.last_update_status = states.step(states.UPDATE, self.last_update_status, "Failed")
            self.last_update_reason = reason

    def environment_spec(self) -> EnvironmentSpec:
        """Return what its environments are made of.

        Raises ResourceConflictError before it is deployed, InvalidRuntimeError where it cannot run here.
        """
        if self.package_type != "Zip":
            raise InvalidRuntimeError("a container image")
        if not str(self.run_time).startswith("python3."):
            raise InvalidRuntimeError(str(self.run_time))
        if self.state != "Active" or self.task_root is None:
            raise ResourceConflictError(f"The function is currently in the following state: {self.state}")
        return EnvironmentSpec(
            account_id=self.account_id,
            region=self.region,
            function_name=self.function_name,
            version=str(self.version),
            handler=str(self.handler),
            role=self.role,
            runtime=str(self.run_time),
            memory_mb=int(self.memory_size),
            timeout_s=float(self.timeout),
            variables=tuple(sorted(self.environment_vars.items())),
            task_root=self.task_root,
            layers=self.layer_roots,
        )

    def invoke(self, body: Any, request_headers: Any, response_headers: Any) -> str | bytes:
        """Run one event for another service in moto (SQS, SNS, EventBridge, ...); called from its threads."""
        payload = body if isinstance(body, bytes) else str(body or "{}").encode()
        outcome = function_service().call_from_thread(self, payload)
        if outcome.error is not None:
            raise JsonRESTError("FunctionError", outcome.payload.decode(errors="replace"))
        return outcome.payload
