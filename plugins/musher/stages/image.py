"""Stage: have an image that serves, built in the account where it is missing.

The image brings the packages and the model brings the code, so it is built anew only where the Dockerfile,
the lists of packages or the program that starts the code change. Nobody needs Docker for that.
"""

from musher.operators.images import BuildImageOperator
from musher.results import ServingImage
from musher.stages.groups import output_of


def build_image() -> ServingImage:
    """Return the serving image's address, whether it was built now, and the seconds that took."""
    return output_of(BuildImageOperator(task_id="build_image"), ServingImage)
