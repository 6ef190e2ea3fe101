"""Refuse templates and values of parameters, in AWS's words.

ValidateTemplate looks at a template's form only; moto asks cfn-lint, whose rules AWS does not have, and which
matches a template's patterns in a time without bound.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ValidateTemplate.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

from collections.abc import Iterator, Mapping
from typing import Any

import regex
from moto.cloudformation import parsing
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import CloudFormationBackend

from localaws.cloudformation.properties import as_text
from localaws.cloudformation.templates import load

REF, GET_ATT = "Ref", "Fn::GetAtt"

MATCH_S = 1.0
"""Processor seconds that a pattern gets for one value: some take time by the power of its length."""

_load_parameters = parsing.ResourceMap.load_parameters


def validate_template(backend: CloudFormationBackend, template: str) -> list[Any]:
    """Check the form of a template; returns no findings."""
    del backend
    require_form(load(template))
    return []


def require_form(document: Mapping[str, Any]) -> None:
    """Raise ValidationError for a template without resources, or whose references lead nowhere."""
    resources = document.get("Resources")
    if not isinstance(resources, dict) or not resources:
        raise _malformed("At least one Resources member must be defined.")
    for name, resource in resources.items():
        if not isinstance(resource, dict) or "Type" not in resource:
            raise _malformed(f"[/Resources/{name}] Every Resources object must contain a Type member.")
    known = {*resources, *(document.get("Parameters") or {})}
    missing = [(function, name) for function, name in find_references(resources) if name not in known]
    if named := ", ".join(sorted({name for function, name in missing if function == REF})):
        raise _malformed(f"Unresolved resource dependencies [{named}] in the Resources block of the template")
    if missing:
        function, name = missing[0]
        text = f"Template error: instance of {function} references undefined resource {name}"
        raise ValidationError(message=text)


def find_references(value: Any) -> Iterator[tuple[str, str]]:
    """Yield Ref or Fn::GetAtt, and the name it leads to, without AWS's own (`AWS::Region`)."""
    if isinstance(value, list):
        for item in value:
            yield from find_references(item)
    elif isinstance(value, dict):
        function = REF if REF in value else GET_ATT
        target = value.get(function)
        name = target[0] if isinstance(target, list) and target else target
        if len(value) == 1 and isinstance(name, str):
            if not name.startswith("AWS::"):
                yield function, name.partition(".")[0]
            return
        for item in value.values():
            yield from find_references(item)


def load_parameters(resources: parsing.ResourceMap) -> None:
    """Check the values of a stack's parameters, then load them as moto does."""
    for name, parameter in (resources._template.get("Parameters") or {}).items():
        value = resources.input_parameters.get(name, parameter.get("Default"))
        if value is not None:
            check_value(name, parameter, value)
    _load_parameters(resources)


def check_value(name: str, parameter: Mapping[str, Any], value: Any) -> None:
    """Raise ValidationError for a value that AllowedValues or AllowedPattern do not allow."""
    kind, allowed = str(parameter.get("Type", "")), parameter.get("AllowedValues")
    is_list = kind == "CommaDelimitedList" or kind.startswith("List<")
    for item in str(value).split(",") if is_list else [as_text(value)]:
        if allowed and item not in map(as_text, allowed):
            raise _refused(name, parameter, "must be one of AllowedValues")
        pattern = parameter.get("AllowedPattern")
        if pattern and not _matches(name, str(pattern), item):
            raise _refused(name, parameter, f"must match pattern {pattern}")


def _matches(name: str, pattern: str, value: str) -> bool:
    try:
        return regex.fullmatch(pattern, value, timeout=MATCH_S, concurrent=True) is not None
    except regex.error as error:
        raise _malformed(f"AllowedPattern of parameter {name} is no regular expression: {error}") from error
    except TimeoutError as error:
        raise _malformed(
            f"AllowedPattern of parameter {name} takes over {MATCH_S:g} s for its value"
        ) from error


def _refused(name: str, parameter: Mapping[str, Any], rule: str) -> ValidationError:
    said = parameter.get("ConstraintDescription")
    if said:
        return ValidationError(message=f"Parameter {name} failed to satisfy constraint: {said}")
    return ValidationError(message=f"Parameter '{name}' {rule}")


def _malformed(reason: str) -> ValidationError:
    return ValidationError(message=f"Template format error: {reason}")


def install() -> None:
    """Put these in the place of moto's."""
    replacements: tuple[tuple[Any, str, Any], ...] = (
        (CloudFormationBackend, "validate_template", validate_template),
        (parsing.ResourceMap, "load_parameters", load_parameters),
    )
    for owner, name, function in replacements:
        setattr(owner, name, function)
