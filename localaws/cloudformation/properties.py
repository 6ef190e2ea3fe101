"""Properties of a template as the API takes them: `"30"` is 30 where a number is wanted. Pure.

Templates may write numbers and booleans as texts, and CloudFormation converts them.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from localaws.wire.compiler import find_model

INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
"""Python's own int() and float() take `1_000`, other scripts' digits and `nan` as well."""
ACTIONS: Mapping[str, Sequence[tuple[str, str]]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": [("application-autoscaling", "RegisterScalableTarget")],
    "AWS::ApplicationAutoScaling::ScalingPolicy": [("application-autoscaling", "PutScalingPolicy")],
    "AWS::CloudWatch::Alarm": [("cloudwatch", "PutMetricAlarm")],
    "AWS::Lambda::Alias": [("lambda", "CreateAlias")],
    "AWS::Lambda::EventInvokeConfig": [("lambda", "PutFunctionEventInvokeConfig")],
    "AWS::Lambda::EventSourceMapping": [("lambda", "CreateEventSourceMapping")],
    "AWS::Lambda::Function": [("lambda", "CreateFunction"), ("lambda", "PutFunctionConcurrency")],
    "AWS::Lambda::Permission": [("lambda", "AddPermission")],
    "AWS::Lambda::Url": [("lambda", "CreateFunctionUrlConfig")],
    "AWS::Lambda::Version": [("lambda", "PublishVersion")],
    "AWS::Logs::LogGroup": [("logs", "CreateLogGroup"), ("logs", "PutRetentionPolicy")],
    "AWS::SageMaker::Endpoint": [("sagemaker", "CreateEndpoint")],
    "AWS::SageMaker::EndpointConfig": [("sagemaker", "CreateEndpointConfig")],
    "AWS::SageMaker::Model": [("sagemaker", "CreateModel")],
}
"""Type of a resource -> the actions whose members its properties are."""


def convert_properties(resource_type: str, properties: Any) -> Any:
    """Return properties of the types that the resource's API has; what cannot be converted stays."""
    for service, action in ACTIONS.get(resource_type, ()):
        model = find_model(service)
        if model is not None:
            properties = convert(properties, model.operation_model(action).input_shape)
    return properties


def convert(value: Any, shape: Any) -> Any:
    """Return a value of a shape's type, by the first letters' case that CloudFormation uses."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        members = {name[:1].upper() + name[1:]: member for name, member in shape.members.items()}
        return {
            name: convert(item, members[name]) if name in members else item for name, item in value.items()
        }
    if kind == "list" and isinstance(value, list):
        return [convert(item, shape.member) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {name: convert(item, shape.value) for name, item in value.items()}
    return convert_scalar(value, kind)


def convert_scalar(value: Any, kind: str) -> Any:
    """Return a text as the number or boolean that is wanted, and a number or boolean as a text."""
    if kind == "boolean" and isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if kind == "string" and isinstance(value, bool | int | float):
        return as_text(value)
    if isinstance(value, str) and kind in ("integer", "long") and INTEGER.fullmatch(value):
        return int(value)
    if isinstance(value, str) and kind in ("float", "double") and NUMBER.fullmatch(value):
        return float(value)
    return value


def as_text(value: Any) -> str:
    """Return what a value of a template is as a text: `true` for a boolean."""
    return str(value).lower() if isinstance(value, bool) else str(value)
