"""AWS::Lambda::Function: made, updated and removed with a stack.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html
"""

import base64
from typing import Any

from moto.awslambda import models as moto_models
from moto.awslambda.exceptions import InvalidParameterValueException
from moto.awslambda.models import LambdaFunction

from localaws.functions.function import LocalFunction
from localaws.functions.stacks.properties import Properties, check_request, read_tags, refuse_others

TYPE = "AWS::Lambda::Function"
DEFAULTS: Properties = {
    "DeadLetterConfig": {},
    "Description": "",
    "Environment": {"Variables": {}},
    "EphemeralStorage": {"Size": 512},
    "FileSystemConfigs": [],
    "KMSKeyArn": None,
    "Layers": [],
    "LoggingConfig": {},
    "MemorySize": 128,
    "SnapStart": {"ApplyOn": "None"},
    "Timeout": 3,
    "TracingConfig": {"Mode": "PassThrough"},
    "VpcConfig": {},
}
"""What a property is again that an update leaves out."""
SETTINGS = (*DEFAULTS, "Handler", "ImageConfig", "Role", "Runtime")
CREATED = (*SETTINGS, "Architectures", "Code", "CodeSigningConfigArn", "PackageType", "Tags")
KNOWN = (*CREATED, "FunctionName", "KmsKeyArn", "ReservedConcurrentExecutions")


def install_functions() -> None:
    """Let moto's class, which is a stack's function, make and update ours."""
    setattr(LambdaFunction, "create_from_cloudformation_json", classmethod(_create))  # noqa: B010
    setattr(LambdaFunction, "update_from_cloudformation_json", classmethod(_update))  # noqa: B010


def read_request(properties: Properties, *, name: str) -> Properties:
    """Return the CreateFunction that a template stands for. Raises what the API answers."""
    refuse_others(TYPE, properties, known=KNOWN)
    found = {member: properties[member] for member in CREATED if member in properties}
    if "KmsKeyArn" in properties:
        found["KMSKeyArn"] = properties["KmsKeyArn"]
    if "Tags" in found:
        found["Tags"] = read_tags(found["Tags"])
    if "ZipFile" in (found.get("Code") or {}):
        found["Code"] = {"ZipFile": zip_source(str(found["Code"]["ZipFile"]))}
    request = found | {"FunctionName": name}
    check_request("CreateFunction", request)
    return request


def zip_source(source: str) -> str:
    """Return the archive of a program that stands in the template, in base64."""
    return base64.b64encode(LambdaFunction._create_zipfile_from_plaintext_code(source)).decode()


def _create(
    _cls: type[LambdaFunction],
    /,
    resource_name: str,
    cloudformation_json: dict[str, Any],
    account_id: str,
    region_name: str,
    **_options: Any,
) -> LambdaFunction:
    properties, backend = cloudformation_json["Properties"], _backend(account_id, region_name)
    request = read_request(properties, name=resource_name)
    reserved = properties.get("ReservedConcurrentExecutions")
    function: LambdaFunction = backend.create_function(request)
    if reserved is not None:
        try:
            _reserve(backend, function.function_name, reserved)
        except Exception:
            backend.delete_function(function.function_name)
            raise
    return function


def _update(
    _cls: type[LambdaFunction],
    original_resource: LocalFunction,
    new_resource_name: str,
    cloudformation_json: dict[str, Any],
    account_id: str,
    region_name: str,
) -> LambdaFunction:
    del new_resource_name  # of a function without a name, another one each time
    properties, backend = cloudformation_json["Properties"], _backend(account_id, region_name)
    function = original_resource
    request = read_request(properties, name=function.function_name)
    _check_identity(function, properties)
    settings = DEFAULTS | {name: request[name] for name in SETTINGS if name in request}
    backend.replace(function.function_name, settings=settings, code=request["Code"])
    function.architectures = request.get("Architectures", ["x86_64"])
    function.tags = request.get("Tags", {})
    reserved = properties.get("ReservedConcurrentExecutions")
    if reserved is None:
        function.reserved_concurrency = None
    else:
        _reserve(backend, function.function_name, reserved)
    return function


def _check_identity(function: LocalFunction, properties: Properties) -> None:
    """Refuse an update for which CloudFormation makes another function."""
    kept = {"FunctionName": function.function_name, "PackageType": function.package_type}
    changed = [name for name, value in kept.items() if properties.get(name, value) != value]
    if changed:
        raise InvalidParameterValueException(
            f"localaws does not replace functions: {changed[0]} of {function.function_name} cannot be changed"
        )


def _reserve(backend: Any, name: str, reserved: Any) -> None:
    check_request("PutFunctionConcurrency", {"FunctionName": name, "ReservedConcurrentExecutions": reserved})
    backend.put_function_concurrency(name, reserved)


def _backend(account_id: str, region: str) -> Any:
    return moto_models.lambda_backends[account_id][region]
