"""Stage: have an image that serves, built in the account where it is missing.

The image brings the packages and the model brings the code, so it is built anew only where the Dockerfile,
the lists of packages or the program that starts the code change. Nobody needs Docker for that.
"""

import logging
import time

from airflow.sdk import task

from musher import names
from musher.hooks.builds import (
    MusherCodeBuildHook,
    adopt_or_start,
    build_failure,
    find_image,
    wait_for_build,
)
from musher.hooks.connection import ecr_hook, hook_parameters, s3_hook
from musher.hooks.objects import upload_once
from musher.operators.base import fail_without_retry
from musher.packaging import pack_image_context
from musher.payloads.builds import ImagePlan, check_manifest, plan_image
from musher.results import ServingImage
from musher.settings import Settings
from musher.stages.run import current_run

logger = logging.getLogger(__name__)


@task(multiple_outputs=False)
def build_image() -> ServingImage:
    """Return the serving image's address, whether it was built now, and the seconds that took."""
    started = time.monotonic()
    with fail_without_retry():
        settings = current_run().settings
        if settings.model_image:
            logger.info("%s: the installation's own serving image (MUSHER_MODEL_IMAGE)", settings.model_image)
            return {"uri": settings.model_image, "is_built": False, "seconds": 0.0}
        archive = pack_image_context(folder=settings.training_dir)
        plan = plan_image(settings, context_hash=archive.code_hash)
        is_built = not has_image(settings, plan=plan)
        if is_built:
            make_image(settings, plan=plan, context=archive.body)
    return {"uri": plan.uri, "is_built": is_built, "seconds": round(time.monotonic() - started, 3)}


def has_image(settings: Settings, *, plan: ImagePlan) -> bool:
    """Return whether the image exists; ImageError where SageMaker would refuse it."""
    image = find_image(
        ecr_hook(settings).conn,
        account_id=settings.account_id,
        repository=names.image_repository(settings),
        tag=plan.tag,
    )
    if image is None:
        return False
    check_manifest(image, uri=plan.uri)
    logger.info("%s is there, %s", plan.uri, image.get("imageDigest"))
    return True


def make_image(settings: Settings, *, plan: ImagePlan, context: bytes) -> None:
    """Build the image in the account and wait for it; raise ImageError with the reason where there is none.

    What counts is the image, not the build: two runs may build the same one, and the second push is refused.
    """
    upload_once(s3_hook(settings), settings, key=plan.context_key, data=context)
    hook = MusherCodeBuildHook(**hook_parameters(settings))
    build_id = adopt_or_start(hook, settings, plan=plan)
    build = wait_for_build(hook, build_id=build_id, delay_s=settings.poll_interval_s)
    if not has_image(settings, plan=plan):
        raise build_failure(build, uri=plan.uri)
