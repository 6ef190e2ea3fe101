"""What a template does that its user must have acknowledged. Pure.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/control-access-with-iam.html#using-iam-capabilities
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from moto.cloudformation.exceptions import CloudFormationError, ValidationError

IAM, NAMED_IAM, AUTO_EXPAND = "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"
NAMES: Mapping[str, str] = {
    "AWS::IAM::AccessKey": "",
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Policy": "",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
    "AWS::IAM::UserToGroupAddition": "",
}
"""Types that can give rights -> the property that names one (an inline policy's name counts for none)."""
INCLUDE = "AWS::Include"


class InsufficientCapabilitiesError(CloudFormationError):
    """A template does what was not acknowledged."""

    code = "InsufficientCapabilitiesException"


def require_capabilities(
    template: Mapping[str, Any], granted: Collection[str], *, is_expanded: bool = True
) -> None:
    """Raise InsufficientCapabilitiesError for what is not granted, and ValidationError for macros.

    A change set shows what macros make of a template, so that they need no capability there
    (`is_expanded` is false).
    """
    missing = [name for name in find_capabilities(template) if not is_granted(name, granted)]
    if not is_expanded and AUTO_EXPAND in missing:
        missing.remove(AUTO_EXPAND)
    if missing:
        raise InsufficientCapabilitiesError(f"Requires capabilities : [{', '.join(missing)}]")
    if unknown := [name for name in find_macros(template) if name != INCLUDE]:
        raise ValidationError(message=f"localaws runs no macros: {', '.join(unknown)}")


def is_granted(wanted: str, granted: Collection[str]) -> bool:
    """Tell whether a capability is acknowledged: who allows named resources allows all of IAM."""
    return wanted in granted or (wanted == IAM and NAMED_IAM in granted)


def find_capabilities(template: Mapping[str, Any]) -> list[str]:
    """Return the capabilities that a template needs, whatever its conditions say."""
    giving = find_giving(template)
    is_named = any(NAMES[item["Type"]] in (item.get("Properties") or {}) for item in giving)
    needed = [NAMED_IAM if is_named else IAM] if giving else []
    return needed + [AUTO_EXPAND] * bool(find_macros(template))


def find_giving(template: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the resources of a template that can give rights."""
    resources = template.get("Resources")
    found = resources.values() if isinstance(resources, dict) else []
    return [item for item in found if isinstance(item, dict) and item.get("Type") in NAMES]


def find_macros(template: Mapping[str, Any]) -> list[str]:
    """Return the names of the macros that a template is to be put through, each once."""
    declared = template.get("Transform") or []
    whole = declared if isinstance(declared, list) else [declared]
    names = [item.get("Name") if isinstance(item, dict) else item for item in whole]
    return list(dict.fromkeys(map(str, [*names, *_find_inner(template)])))


def _find_inner(value: Any) -> Iterator[str]:
    """Yield the names of macros for a part of the template."""
    if isinstance(value, list):
        for item in value:
            yield from _find_inner(item)
    elif isinstance(value, dict):
        called = value.get("Fn::Transform")
        if isinstance(called, dict):
            yield str(called.get("Name"))
        for item in value.values():
            yield from _find_inner(item)


def summarize(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ValidateTemplate and GetTemplateSummary tell of a template's capabilities."""
    found: dict[str, Any] = {
        "Capabilities": find_capabilities(template),
        "DeclaredTransforms": find_macros(template),
    }
    if giving := find_giving(template):
        kinds = ", ".join(dict.fromkeys(item["Type"] for item in giving))
        found["CapabilitiesReason"] = f"The following resource(s) require capabilities: [{kinds}]"
    return found
