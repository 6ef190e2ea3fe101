"""AWS::Lambda::Version, Alias, Url, EventInvokeConfig and Permission, and the types that are not built.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Lambda.html
"""

import contextlib
import uuid
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from moto.awslambda import models as moto_models
from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError
from moto.cloudformation.exceptions import UnformattedGetAttTemplateException
from moto.core.common_models import CloudFormationModel

from localaws.functions.arns import LATEST, FunctionReference, parse_reference
from localaws.functions.errors import ConflictError
from localaws.functions.stacks.properties import (
    Properties,
    check_request,
    read_provisioned,
    read_routing,
    refuse_others,
)


class Resource:
    """One resource of a stack: its Ref, its attributes, and how it is removed."""

    TYPE: ClassVar[str]
    KNOWN: ClassVar[tuple[str, ...]] = ()
    ATTRIBUTES: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, physical_id: str, *, remove: Callable[[], object], attributes: Mapping[str, str] | None = None
    ) -> None:
        self.physical_resource_id = physical_id
        self._remove = remove
        self._attributes = attributes or {}

    @classmethod
    def cloudformation_type(cls) -> str:
        """Return the type in templates."""
        return cls.TYPE

    @staticmethod
    def cloudformation_name_type() -> str:
        """Return no property: none of these is named by one."""
        return ""

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """Tell whether Fn::GetAtt knows an attribute."""
        return attr in cls.ATTRIBUTES

    def get_cfn_attribute(self, attribute_name: str) -> str:
        """Return what Fn::GetAtt gives."""
        if attribute_name not in self._attributes:
            raise UnformattedGetAttTemplateException
        return self._attributes[attribute_name]

    @classmethod
    def create_from_cloudformation_json(
        cls,
        resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
        **_options: Any,
    ) -> "Resource":
        """Make the resource. Raises what the API answers."""
        del resource_name
        properties = cloudformation_json["Properties"]
        refuse_others(cls.TYPE, properties, known=cls.KNOWN)
        return cls.make(moto_models.lambda_backends[account_id][region_name], properties)

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: "Resource",
        new_resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
    ) -> "Resource":
        """Make the resource anew; a new version stands beside the old one until that is removed."""
        original_resource.delete(account_id, region_name)
        return cls.create_from_cloudformation_json(
            new_resource_name, cloudformation_json, account_id, region_name
        )

    def delete(self, _account_id: str, _region: str) -> None:
        """Remove the resource; what is gone already is fine."""
        with contextlib.suppress(LambdaClientError):
            self._remove()

    @classmethod
    @abstractmethod
    def make(cls, backend: Any, properties: Properties) -> "Resource":
        """Make the resource on a backend."""


def _provision(backend: Any, name: str, qualifier: str, properties: Properties) -> None:
    wanted = read_provisioned(properties.get("ProvisionedConcurrencyConfig"))
    if wanted is not None:
        asked = {
            "FunctionName": name,
            "Qualifier": qualifier,
            "ProvisionedConcurrentExecutions": wanted,
        }
        check_request("PutProvisionedConcurrencyConfig", asked)
        backend.put_provisioned(name, qualifier, wanted)


def _reference(properties: Properties, member: str = "FunctionName") -> FunctionReference:
    qualifier = properties.get("Qualifier")
    return parse_reference(
        str(properties.get(member, "")), qualifier=None if qualifier == LATEST else qualifier
    )


class VersionResource(Resource, CloudFormationModel):
    """AWS::Lambda::Version."""

    TYPE = "AWS::Lambda::Version"
    KNOWN = ("CodeSha256", "Description", "FunctionName", "ProvisionedConcurrencyConfig")
    ATTRIBUTES = ("FunctionArn", "Version")

    @classmethod
    def make(cls, backend: Any, properties: Properties) -> Resource:
        """Publish a version, also of a function that is still being created."""
        request = {key: value for key, value in properties.items() if key != "ProvisionedConcurrencyConfig"}
        check_request("PublishVersion", request)
        name = _reference(properties).name
        known = [str(version.version) for version in backend.list_versions_by_function(name)]
        version = backend.publish_for_stack(name, request)
        if str(version.version) in known:
            raise ConflictError(
                f"A version for this Lambda function exists ( {version.version} ). "
                "Modify the function to create a new version."
            )
        number, arn = str(version.version), version.function_arn
        _provision(backend, name, number, properties)
        return cls(
            arn,
            remove=lambda: backend.delete_function(name, number),
            attributes={"FunctionArn": arn, "Version": number},
        )


class AliasResource(Resource, CloudFormationModel):
    """AWS::Lambda::Alias."""

    TYPE = "AWS::Lambda::Alias"
    KNOWN = (
        "Description",
        "FunctionName",
        "FunctionVersion",
        "Name",
        "ProvisionedConcurrencyConfig",
        "RoutingConfig",
    )
    ATTRIBUTES = ("AliasArn",)

    @classmethod
    def _read(cls, properties: Properties) -> Properties:
        request = {key: value for key, value in properties.items() if key != "ProvisionedConcurrencyConfig"}
        if "RoutingConfig" in request:
            request["RoutingConfig"] = read_routing(request["RoutingConfig"])
        check_request("CreateAlias", request)
        return request | {"RoutingConfig": request.get("RoutingConfig")}

    @classmethod
    def make(cls, backend: Any, properties: Properties) -> Resource:
        """Create the alias."""
        request, name = cls._read(properties), _reference(properties).name
        alias = backend.create_alias(
            name=request["Name"],
            function_name=name,
            function_version=request["FunctionVersion"],
            description=request.get("Description", ""),
            routing_config=request["RoutingConfig"],
        )
        _provision(backend, name, alias.name, properties)
        return cls._of(backend, name, alias.name)

    @classmethod
    def _of(cls, backend: Any, name: str, alias: str) -> Resource:
        arn = backend.target(name, alias).arn()
        remove = lambda: backend.delete_alias(alias, name)  # noqa: E731
        return cls(arn, remove=remove, attributes={"AliasArn": arn})

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Resource,
        new_resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
    ) -> Resource:
        """Point the alias elsewhere: it is there all the time. Another name is another resource."""
        properties = cloudformation_json["Properties"]
        backend: Any = moto_models.lambda_backends[account_id][region_name]
        name, alias = _reference(properties).name, str(properties.get("Name"))
        if backend.target(name, alias).arn() != original_resource.physical_resource_id:
            return super().update_from_cloudformation_json(
                original_resource, new_resource_name, cloudformation_json, account_id, region_name
            )
        refuse_others(cls.TYPE, properties, known=cls.KNOWN)
        request = {"Description": ""} | cls._read(properties)
        backend.change_alias(alias, name, request)
        if "ProvisionedConcurrencyConfig" in properties:
            _provision(backend, name, alias, properties)
        else:
            backend.delete_provisioned(name, alias)
        return cls._of(backend, name, alias)


class UrlResource(Resource, CloudFormationModel):
    """AWS::Lambda::Url."""

    TYPE = "AWS::Lambda::Url"
    KNOWN = ("AuthType", "Cors", "InvokeMode", "Qualifier", "TargetFunctionArn")
    ATTRIBUTES = ("FunctionArn", "FunctionUrl")

    @classmethod
    def make(cls, backend: Any, properties: Properties) -> Resource:
        """Create the function URL."""
        named = _reference(properties, "TargetFunctionArn")
        request = {key: value for key, value in properties.items() if key != "TargetFunctionArn"}
        check_request("CreateFunctionUrlConfig", request | {"FunctionName": named.name})
        made = backend.create_url(named.name, named.qualifier, request)
        return cls(
            made["FunctionArn"],
            remove=lambda: backend.delete_url(named.name, named.qualifier),
            attributes={name: made[name] for name in cls.ATTRIBUTES},
        )


class EventInvokeConfigResource(Resource, CloudFormationModel):
    """AWS::Lambda::EventInvokeConfig."""

    TYPE = "AWS::Lambda::EventInvokeConfig"
    KNOWN = (
        "DestinationConfig",
        "FunctionName",
        "MaximumEventAgeInSeconds",
        "MaximumRetryAttempts",
        "Qualifier",
    )

    @classmethod
    def make(cls, backend: Any, properties: Properties) -> Resource:
        """Set how events of a qualifier are tried again, and where their results go."""
        check_request("PutFunctionEventInvokeConfig", properties)
        named = _reference(properties)
        backend.put_event_config(named.name, named.qualifier, properties)
        return cls(
            f"{named.name}|{named.qualifier or LATEST}",
            remove=lambda: backend.delete_event_config(named.name, named.qualifier),
        )


class PermissionResource(Resource, CloudFormationModel):
    """AWS::Lambda::Permission: a statement, whose id is made up."""

    TYPE = "AWS::Lambda::Permission"
    KNOWN = (
        "Action",
        "EventSourceToken",
        "FunctionName",
        "FunctionUrlAuthType",
        "InvokedViaFunctionUrl",
        "Principal",
        "PrincipalOrgID",
        "SourceAccount",
        "SourceArn",
    )
    ATTRIBUTES = ("Id",)

    @classmethod
    def make(cls, backend: Any, properties: Properties) -> Resource:
        """Add the statement."""
        sid, named = f"stack-{uuid.uuid4().hex}", _reference(properties)
        request = properties | {"StatementId": sid}
        check_request("AddPermission", request)
        backend.add_statement(named.name, named.qualifier, request)
        return cls(
            sid,
            remove=lambda: backend.drop_statement(named.name, named.qualifier, sid, None),
            attributes={"Id": sid},
        )


def _make_absent(kind: str) -> type[Resource]:
    """Return the class of a type that localaws refuses."""

    class AbsentResource(Resource, CloudFormationModel):
        """A type that is not built."""

        TYPE = kind

        @classmethod
        def create_from_cloudformation_json(cls, *_args: Any, **_options: Any) -> Resource:
            """Refuse it."""
            raise InvalidParameterValueException(f"localaws does not implement {kind}")

    return AbsentResource


ABSENT = tuple(
    _make_absent(f"AWS::Lambda::{name}")
    for name in ("CapacityProvider", "CodeSigningConfig", "LayerVersionPermission")
)
"""Classes that moto finds by being there."""
