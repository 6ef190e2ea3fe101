"""A function that can be deployed: moto's, with AWS's states and checked code."""

import base64
import binascii
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, UnknownLayerVersionException
from moto.awslambda.models import LambdaFunction
from moto.awslambda.utils import get_backend
from moto.s3.exceptions import MissingBucket
from moto.s3.models import s3_backends

from localaws import context as contexts
from localaws.errors import ArchiveError
from localaws.functions import configuration, packages, states
from localaws.functions.arns import Target
from localaws.functions.deployment import Deployment
from localaws.functions.errors import InvalidRuntimeError, ResourceConflictError
from localaws.functions.host import FunctionHost
from localaws.functions.settings import FunctionSettings
from localaws.functions.spec import EnvironmentSpec
from localaws.functions.triggers import ERROR_HEADER, is_queued

CREATING = ("The function is being created.", "Creating")
"""Reason and code that AWS gives for Pending, and for an update InProgress too."""
CIRCUMSTANCES = frozenset(
    {
        "FunctionArn",
        "LastModified",
        "LastUpdateStatus",
        "LastUpdateStatusReason",
        "LastUpdateStatusReasonCode",
        "RevisionId",
        "State",
        "StateReason",
        "StateReasonCode",
        "Version",
    }
)
"""Members of a configuration that do not make another version of it."""
MAX_LAYERS = 5
BROKEN_CODE = "InvalidZipFileException"
DEPLOYMENT_S, DEPLOYMENT_LOOK_S = 60.0, 0.02
"""Real seconds that a call of another service waits for a function's creation, and between two looks."""


class LocalFunction(LambdaFunction):
    """One version of a function. `task_root` is where its code is unpacked, once it is."""

    state_reason: tuple[str, str] | None = CREATING
    last_update_status = "Successful"
    last_update_reason: tuple[str, str] | None = None
    task_root: Path | None = None
    layer_roots: tuple[Path, ...] = ()

    def __init__(self, account_id: str, spec: dict[str, Any], region: str, version: str | int = 1) -> None:
        super().__init__(account_id, spec, region, version)
        self.state = "Pending"
        self.settings = FunctionSettings()
        self.has_environment = "Environment" in spec
        self.logging_config = spec.get("LoggingConfig")
        self.dead_letter_config = spec.get("DeadLetterConfig")
        self.published_content: dict[str, Any] | None = None
        """Of a version: what `content` was as it was published."""
        self.file_systems = spec.get("FileSystemConfigs")
        self.snap_start = spec.get("SnapStart")
        self.touch()

    def _get_layers_data(self, layers_versions_arns: list[str]) -> Any:
        """Look up layers. Raises InvalidParameterValueException for those that are too many, or not there."""
        if len(layers_versions_arns) > MAX_LAYERS:
            raise InvalidParameterValueException(f"Cannot reference more than {MAX_LAYERS} layers.")
        try:
            return super()._get_layers_data(layers_versions_arns)
        except UnknownLayerVersionException as error:
            known = get_backend(self.account_id, self.region).layers_versions_by_arn
            missing = next(arn for arn in layers_versions_arns if known(arn) is None)
            raise InvalidParameterValueException(f"Layer version {missing} does not exist.") from error

    @property
    def target(self) -> Target:
        """What names this version."""
        return Target(
            account_id=self.account_id,
            region=self.region,
            name=self.function_name,
            qualifier=str(self.version),
        )

    @property
    def log_group(self) -> str:
        """Name of the log group."""
        config = configuration.logging_config(self.logging_config, function_name=self.function_name)
        return str(config["LogGroup"])

    def touch(self) -> None:
        """Note a change: another RevisionId, another time."""
        self.revision_id = str(uuid.uuid4())
        self.last_modified = configuration.lambda_time(contexts.current().clock.now())

    def set_version(self, version: int) -> None:
        """Become a published version: a copy with an identity of its own."""
        super().set_version(version)
        self.touch()
        if self.last_update_status == "InProgress":
            self.state, self.state_reason = "Pending", CREATING
            self.last_update_status, self.last_update_reason = "Successful", None

    def _set_function_code(self, updated_spec: dict[str, Any]) -> None:
        """Check the code before moto takes it, so that a refused update changes nothing."""
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

    def replace_code(self, request: dict[str, Any]) -> None:
        """Take the code of UpdateFunctionCode."""
        super().update_function_code(request)

    def change_configuration(self, config_updates: dict[str, Any]) -> None:
        """Take the members of UpdateFunctionConfiguration; moto knows half of them."""
        self.has_environment = self.has_environment or "Environment" in config_updates
        self.logging_config = config_updates.get("LoggingConfig", self.logging_config)
        self.dead_letter_config = config_updates.get("DeadLetterConfig", self.dead_letter_config)
        self.file_systems = config_updates.get("FileSystemConfigs", self.file_systems)
        self.snap_start = config_updates.get("SnapStart", self.snap_start)
        self.tracing_config = config_updates.get("TracingConfig", self.tracing_config)
        self.kms_key_arn = config_updates.get("KMSKeyArn", self.kms_key_arn)
        if "EphemeralStorage" in config_updates:
            self.ephemeral_storage = config_updates["EphemeralStorage"]["Size"]
        super().update_configuration(config_updates)

    def get_configuration(self, on_create: bool = False) -> dict[str, Any]:
        """Return what GetFunctionConfiguration answers."""
        snap_start = {"ApplyOn": "None"} | (self.snap_start or {})
        extra: dict[str, Any] = {
            "RevisionId": self.revision_id,
            "Environment": {"Variables": self.environment_vars} if self.has_environment else None,
            "DeadLetterConfig": self.dead_letter_config or None,
            "FileSystemConfigs": self.file_systems or None,
            "LoggingConfig": configuration.logging_config(
                self.logging_config, function_name=self.function_name
            ),
            "SnapStart": snap_start | {"OptimizationStatus": "Off"},
            "RuntimeVersionConfig": configuration.runtime_version(
                str(self.run_time), region=self.region, partition=self.partition
            ),
        }
        return configuration.describe(self, extra=extra | self._states())

    def content(self) -> dict[str, Any]:
        """Return what a version of it would be made of: code and configuration."""
        return {name: value for name, value in self.get_configuration().items() if name not in CIRCUMSTANCES}

    def _states(self) -> dict[str, str]:
        found = {"State": self.state}
        if self.state_reason and self.state != "Active":
            found |= {"StateReason": self.state_reason[0], "StateReasonCode": self.state_reason[1]}
        if self.state != "Pending":
            found["LastUpdateStatus"] = self.last_update_status
        if self.last_update_reason:
            reason, code = self.last_update_reason
            found |= {"LastUpdateStatusReason": reason, "LastUpdateStatusReasonCode": code}
        return found

    def get_code(self) -> dict[str, Any]:
        """Return what GetFunction answers; the code can be downloaded for ten minutes."""
        answer = super().get_code()
        answer.pop("Concurrency", None)
        context = contexts.current()
        location = context.find_service(FunctionHost).links.make(
            base=context.endpoint_url,
            arn=self.target.arn(),
            digest=self.code_digest,
            now=context.clock.now(),
        )
        return answer | {"Code": {"RepositoryType": "S3", "Location": location}}

    def check_ready_for_update(self) -> None:
        """Raise ResourceConflictError while the function is created or updated."""
        if self.state == "Pending":
            raise ResourceConflictError("The function is currently in the following state: Pending")
        if self.last_update_status == "InProgress":
            raise ResourceConflictError(f"An update is in progress for resource: {self.function_arn}")

    def begin_update(self) -> None:
        """Note that new code or configuration is on its way."""
        self.touch()
        if self.state == "Active":
            self.last_update_status = states.step(states.UPDATE, self.last_update_status, "InProgress")
            self.last_update_reason = CREATING
        elif self.state == "Failed":
            self.state, self.state_reason = states.step(states.FUNCTION, self.state, "Pending"), CREATING

    def deploy(self, layers: Sequence[bytes]) -> None:
        """Unpack the code and layers in the background; then it is Active, or its update is Successful."""
        contexts.current().find_service(FunctionHost).deploy(
            Deployment(
                arn=self.function_arn,
                code=self.code_bytes,
                layers=layers,
                succeeded=self.deployed,
                failed=self.deployment_failed,
            )
        )

    def deployed(self, task_root: Path, layer_roots: tuple[Path, ...]) -> None:
        """Note that the code is in place."""
        self.task_root, self.layer_roots = task_root, layer_roots
        self.state_reason = self.last_update_reason = None
        self.revision_id = str(uuid.uuid4())
        if self.state == "Pending":
            self.state = states.step(states.FUNCTION, self.state, "Active")
        if self.last_update_status == "InProgress":
            self.last_update_status = states.step(states.UPDATE, self.last_update_status, "Successful")

    def deployment_failed(self, reason: str) -> None:
        """Note that the code could not be put in place."""
        self.revision_id = str(uuid.uuid4())
        if self.state == "Pending":
            self.state = states.step(states.FUNCTION, self.state, "Failed")
            self.state_reason = (reason, BROKEN_CODE)
        else:
            self.last_update_status = states.step(states.UPDATE, self.last_update_status, "Failed")
            self.last_update_reason = (reason, BROKEN_CODE)

    def environment_spec(self) -> EnvironmentSpec:
        """Return what its environments are made of.

        Raises ResourceConflictError before it is deployed, InvalidRuntimeError where it cannot run here.
        """
        if not str(self.run_time).startswith("python3."):
            raise InvalidRuntimeError(str(self.run_time))
        if self.state != "Active" or self.task_root is None:
            raise ResourceConflictError(f"The function is currently in the following state: {self.state}")
        logging = configuration.logging_config(self.logging_config, function_name=self.function_name)
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
            ephemeral_mb=int(self.ephemeral_storage),
            log_group=logging["LogGroup"],
            log_format=logging["LogFormat"],
            application_log_level=logging.get("ApplicationLogLevel"),
            system_log_level=logging.get("SystemLogLevel"),
        )

    def _wait_until_deployed(self) -> None:
        """Wait for the end of the function's creation, as a stack does before it asks a custom resource's."""
        deadline = time.monotonic() + DEPLOYMENT_S
        while self.state == "Pending" and time.monotonic() < deadline:
            time.sleep(DEPLOYMENT_LOOK_S)

    def invoke(self, body: Any, request_headers: Any, response_headers: Any) -> str | bytes:
        """Run or queue one event for another service in moto (SQS, SNS, ...); called from its threads."""
        payload = body if isinstance(body, bytes) else str(body or "{}").encode()
        host = contexts.current().find_service(FunctionHost)
        if is_queued():
            host.queue_from_thread(self.target, payload)
            return b""
        self._wait_until_deployed()
        outcome = host.call_from_thread(self.target, payload, timeout_s=float(self.timeout))
        if outcome.error is not None:
            response_headers[ERROR_HEADER] = outcome.error
        return outcome.payload
