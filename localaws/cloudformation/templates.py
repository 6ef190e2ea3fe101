"""Read templates as data: moto's reader makes any Python object that a template names, and so runs its code.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html
"""

from types import SimpleNamespace
from typing import Any

import yaml
from moto.cloudformation import models, responses
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.utils import yaml_tag_constructor


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


def construct_short_form(loader: TemplateLoader, name: str, node: yaml.Node) -> Any:
    """Return the long form of `!name`."""
    return yaml_tag_constructor(loader, f"!{name}", node)


TemplateLoader.add_multi_constructor("!", construct_short_form)


def load(text: str, **options: Any) -> Any:
    """Return a template's content; raises ValidationError for what none can hold, else as yaml.load."""
    try:
        return yaml.load(text, Loader=TemplateLoader)  # noqa: S506 - a safe one
    except yaml.constructor.ConstructorError as error:
        message = f"Template format error: YAML not well-formed. {error.problem}"
        raise ValidationError(message=message) from error


def install() -> None:
    """Give moto's modules this reader in the place of the library."""
    reader = SimpleNamespace(load=load, Loader=None, add_multi_constructor=lambda *arguments: None)
    for module in (models, responses):
        setattr(module, "yaml", reader)  # noqa: B010 - mypy refuses to assign it
