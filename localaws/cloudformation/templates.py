"""Read templates as data: moto's reader makes any Python object that a template names, and so runs its code.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html
"""

import contextlib
import json
from types import SimpleNamespace
from typing import Any

import yaml
from moto.cloudformation import models, responses
from moto.cloudformation.exceptions import ValidationError

MAX_BRACKETS = 200
"""Brackets in each other: more than a template, or a policy in it, has by far."""
TOO_DEEP = "Template format error: nested too deeply"


class TemplateLoader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms (`!Ref`), and without aliases, as on AWS.

    A few aliases of each other would make more of a template than fits into memory.
    """

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose what follows; raises ValidationError for an alias."""
        if self.check_event(yaml.AliasEvent):
            message = "Template format error: YAML aliases are not allowed in CloudFormation templates"
            raise ValidationError(message=message)
        return super().compose_node(parent, index)

    def fetch_flow_collection_start(self, TokenClass: Any) -> None:  # noqa: N803 - the library's name
        """Go one bracket deeper, up to a limit: the reader looks back at all that are open."""
        if self.flow_level >= MAX_BRACKETS:
            raise ValidationError(message=TOO_DEEP)
        super().fetch_flow_collection_start(TokenClass)


TIMESTAMP = "tag:yaml.org,2002:timestamp"
TemplateLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
"""`2012-10-17` is a text: policies have their version so, and JSON knows no dates."""


def construct_short_form(loader: TemplateLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    """Return the long form of `!name`; of `!GetAtt A.B.C` the resource is A and the attribute B.C."""
    content: Any = node.value
    if isinstance(node, yaml.SequenceNode):
        content = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        content = loader.construct_mapping(node, deep=True)
    elif name == "GetAtt":
        content = content.split(".", 1)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": content}


TemplateLoader.add_multi_constructor("!", construct_short_form)


def load(text: str | None, **options: Any) -> dict[str, Any]:
    """Return a template's content, in YAML or JSON; raises ValidationError for what none can hold."""
    if text is None:
        raise ValidationError(message="Either Template URL or Template Body must be specified.")
    try:
        content = read(text)
    except yaml.YAMLError as error:
        kind = "JSON" if text.lstrip().startswith("{") else "YAML"
        message = f"Template format error: {kind} not well-formed. {place(error)}"
        raise ValidationError(message=message) from error
    except RecursionError as error:
        raise ValidationError(message=TOO_DEEP) from error
    if not isinstance(content, dict):
        raise ValidationError(message="Template format error: unsupported structure.")
    return content


def read(text: str) -> Any:
    """Return what a text holds; raises yaml.YAMLError where it is neither YAML nor JSON."""
    try:
        return yaml.load(text, Loader=TemplateLoader)  # noqa: S506 - a safe one
    except yaml.YAMLError:
        with contextlib.suppress(ValueError):  # JSON may have tabs, and escapes that YAML does not know
            return json.loads(text)
        raise


def place(error: yaml.YAMLError) -> str:
    """Say where a text is no YAML, or why."""
    mark = getattr(error, "problem_mark", None)
    if isinstance(error, yaml.constructor.ConstructorError) or mark is None:
        return str(getattr(error, "problem", None) or getattr(error, "reason", "") or "")
    return f"(line {mark.line + 1}, column {mark.column + 1})"


def install() -> None:
    """Give moto's modules this reader in the place of the library."""
    reader = SimpleNamespace(load=load, Loader=None, add_multi_constructor=lambda *arguments: None)
    for module in (models, responses):
        setattr(module, "yaml", reader)  # noqa: B010 - mypy refuses to assign it
