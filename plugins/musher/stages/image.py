"""Stage: have an image that serves, built in the account where it is missing.

The image brings the packages and the model brings the code, so it is built anew only where the Dockerfile,
the lists of packages or the program that starts the code change. Nobody needs Docker for that.
"""

from typing import Any

from musher.operators.images import BuildImageOperator


def build_image() -> Any:
    """Return the serving image's address, whether it was built now, and the seconds that took."""
    return BuildImageOperator(task_id="build_image").output
