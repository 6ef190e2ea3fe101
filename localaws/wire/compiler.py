"""The checks of each operation of a service, compiled when it is first called."""

import functools
import threading
from typing import Any

from botocore.exceptions import UnknownServiceError
from botocore.model import OperationNotFoundError
from moto.core.utils import get_service_model

from localaws.wire.checks import (
    SCALARS,
    Check,
    ListCheck,
    MapCheck,
    Scalar,
    Structure,
    Unchecked,
    make_rules,
)

LISTS_ARE_DENSE = ("iam", "lambda")
"""Services whose sentences about a list's entries end with the rule that none is null."""
Model = Any
"""moto's ServiceModel: botocore's, which moto keeps in memory anyway."""


@functools.cache
def find_model(service: str) -> Model | None:
    """Return the model of a service by botocore's name, or None."""
    try:
        return get_service_model(service)
    except UnknownServiceError:
        return None


@functools.cache
def find_compiler(service: str) -> "Compiler | None":
    """Return the compiler of a service by botocore's name, or None."""
    model = find_model(service)
    return None if model is None else Compiler(model)


@functools.cache
def declared_codes(service: str, operation: str) -> frozenset[str]:
    """Return the codes of the errors that the model names for an operation; none where it is unknown."""
    model = find_model(service)
    try:
        shapes = model.operation_model(operation).error_shapes if model else []
    except OperationNotFoundError:
        return frozenset()
    return frozenset(shape.error_code for shape in shapes)


class Compiler:
    """Compile and keep the checks of one service. Thread-safe."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._tells_null = model.service_name in LISTS_ARE_DENSE
        self._has_rules = model.protocol != "ec2"  # EC2 words its refusals by itself
        self._checks: dict[str, Check] = {}
        self._lock = threading.RLock()

    def check_for(self, operation: str) -> Check | None:
        """Return the check of an operation's input; None where the model has no such operation."""
        try:
            shape = self.model.operation_model(operation).input_shape
        except OperationNotFoundError:
            return None
        with self._lock:
            return Unchecked() if shape is None else self._compile(shape)

    def check_for_answer(self, operation: str) -> Check:
        """Return the check of an operation's output."""
        shape = self.model.operation_model(operation).output_shape
        with self._lock:
            return Unchecked() if shape is None else self._compile(shape)

    def _compile(self, shape: Any) -> Check:
        known = self._checks.get(shape.name)
        return known or self._make(shape)

    def _make(self, shape: Any) -> Check:
        rules = make_rules(shape) if self._has_rules else []
        if shape.type_name == "structure":
            return self._make_structure(shape)
        if shape.type_name == "list":
            listed = self._checks[shape.name] = ListCheck(rules=rules, tells_null=self._tells_null)
            listed.entries = self._compile(shape.member)
            return listed
        if shape.type_name == "map":
            keys = self._compile(shape.key)
            assert isinstance(keys, Scalar)
            mapped = self._checks[shape.name] = MapCheck(keys=keys, rules=rules)
            mapped.values = self._compile(shape.value)
            return mapped
        if "timestampFormat" in shape.serialization:
            return Unchecked()  # a text in a format of its own
        is_of_type, java_type = SCALARS[shape.type_name]
        is_secret = bool(shape.metadata.get("sensitive"))
        scalar = Scalar(is_of_type=is_of_type, java_type=java_type, rules=rules, is_secret=is_secret)
        self._checks[shape.name] = scalar
        return scalar

    def _make_structure(self, shape: Any) -> Check:
        if shape.is_document_type:
            return Unchecked()
        structure = self._checks[shape.name] = Structure()  # kept before its members, which may lead to it
        members = shape.members.items()
        structure.members = {
            wire_name(name, member): (label(name), self._compile(member)) for name, member in members
        }
        structure.required = [
            (wire_name(name, shape.members[name]), label(name)) for name in shape.required_members
        ]
        return structure


def wire_name(name: str, member: Any) -> str:
    """Return the name of a member in requests."""
    return str(member.serialization.get("name", name))


def label(name: str) -> str:
    """Return how AWS's sentences spell a member: its first letter is small."""
    return name[:1].lower() + name[1:]
