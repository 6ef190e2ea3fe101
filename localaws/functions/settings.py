"""What belongs to a function as a whole, and is shared by all its versions."""

from dataclasses import dataclass, field
from typing import Any

from localaws.functions.addresses.spec import FunctionUrl
from localaws.functions.concurrency.provisioned import Provisioned
from localaws.functions.permissions.policy import FunctionPolicy


@dataclass(kw_only=True)
class FunctionSettings:
    """State beside the versions. Keys are qualifiers; the function itself is `$LATEST`."""

    published: int = 0
    """The number of the version published last; no number is given twice."""
    policies: dict[str, FunctionPolicy] = field(default_factory=dict)
    event_configs: dict[str, dict[str, Any]] = field(default_factory=dict)

    provisioned: dict[str, Provisioned] = field(default_factory=dict)
    urls: dict[str, FunctionUrl] = field(default_factory=dict)

    def policy(self, qualifier: str) -> FunctionPolicy:
        """Return the policy of a qualifier, an empty one where there is none yet."""
        return self.policies.setdefault(qualifier, FunctionPolicy())

    def forget(self, qualifier: str) -> None:
        """Remove all that belongs to an alias or a version that is deleted."""
        self.policies.pop(qualifier, None)
        self.event_configs.pop(qualifier, None)
        self.provisioned.pop(qualifier, None)
        self.urls.pop(qualifier, None)
