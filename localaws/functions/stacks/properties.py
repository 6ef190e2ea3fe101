"""Properties of AWS::Lambda::* as requests of the API: checked by its model, none passed over."""

from collections.abc import Collection, Mapping
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError

from localaws.wire.checks import WrongTypeError
from localaws.wire.compiler import find_compiler
from localaws.wire.wording import Violation, tell

Properties = dict[str, Any]


def refuse_others(resource_type: str, properties: Mapping[str, Any], *, known: Collection[str]) -> None:
    """Refuse properties that would have no effect."""
    others = sorted(properties.keys() - set(known))
    if others:
        raise InvalidParameterValueException(
            f"localaws does not implement the property {others[0]} of {resource_type}"
        )


def check_request(action: str, request: Mapping[str, Any]) -> None:
    """Refuse what the API's model does not allow, in the words that the API has for it."""
    compiler = find_compiler("lambda")
    check = compiler.check_for(action) if compiler else None
    assert check is not None
    found: list[Violation] = []
    try:
        check(dict(request), "", found)
    except WrongTypeError as error:
        raise LambdaClientError("SerializationException", str(error)) from error
    if found:
        raise LambdaClientError("ValidationException", tell(found))


def read_tags(tags: Collection[Mapping[str, str]]) -> dict[str, str]:
    """Return a template's list of tags as the API has them."""
    return {tag["Key"]: tag["Value"] for tag in tags}


def read_routing(routing: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a template's RoutingConfig, a list of versions and weights, as the API has it."""
    if routing is None:
        return None
    weights = routing.get("AdditionalVersionWeights") or []
    return {
        "AdditionalVersionWeights": {
            str(entry["FunctionVersion"]): float(entry["FunctionWeight"]) for entry in weights
        }
    }


def read_provisioned(config: Mapping[str, Any] | None) -> int | None:
    """Return how many environments a version's or an alias's ProvisionedConcurrencyConfig asks for."""
    return None if config is None else int(config["ProvisionedConcurrentExecutions"])
