"""Let moto's stacks find our resources."""

from localaws.functions.stacks import resources
from localaws.functions.stacks.functions import install_functions


def install_resources() -> None:
    """Take the place of moto's classes; those of `resources` are found by being there."""
    assert resources.ABSENT
    install_functions()
