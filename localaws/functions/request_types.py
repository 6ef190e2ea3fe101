"""Whether the members of a request have the types that AWS's model gives them."""

from collections.abc import Mapping
from typing import Any

from botocore.validate import ParamValidator
from moto.core.model import ServiceModel
from moto.core.utils import get_service_model

WRONG = "Invalid type for parameter "


def find_wrong_type(action: str, body: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the first member of a wrong type, or None."""
    model: ServiceModel = get_service_model("lambda")
    shape = model.operation_model(action).input_shape
    if shape is None:
        return None
    known = {name: value for name, value in body.items() if name in shape.members}
    try:
        report = ParamValidator().validate(known, shape).generate_report()
    except (RuntimeError, OverflowError, OSError) as error:  # a time that no calendar has
        return str(error)
    return next((line for line in report.splitlines() if line.startswith(WRONG)), None)
