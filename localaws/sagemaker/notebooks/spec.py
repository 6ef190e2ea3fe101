"""What one start of a notebook instance needs to know."""

from collections.abc import Sequence
from dataclasses import dataclass

from localaws.sagemaker.notebooks.lifecycle import Script

LOG_GROUP = "/aws/sagemaker/NotebookInstances"


@dataclass(frozen=True, kw_only=True)
class NotebookSpec:
    """A notebook instance that is to be started."""

    name: str
    arn: str
    account_id: str
    region: str
    role_arn: str
    scripts: Sequence[Script] = ()
    config_arn: str = ""
    """The lifecycle configuration that the scripts are of."""
