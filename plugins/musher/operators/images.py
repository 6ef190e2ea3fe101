"""Have the image that serves, built in the account where it is missing."""

import logging
from dataclasses import asdict
from typing import Any

from airflow.sdk import Context

from musher import clock, names
from musher.console_kinds import BUILD
from musher.hooks.builds import (
    MusherCodeBuildHook,
    adopt_or_start,
    build_failure,
    describe_build,
    find_image,
)
from musher.hooks.connection import ecr_hook, s3_hook
from musher.hooks.objects import upload_once
from musher.links import LINKS, show_no_links
from musher.operators.base import MusherOperator, fail_without_retry
from musher.payloads.builds import ImagePlan, check_manifest, plan_image
from musher.results import ServingImage
from musher.settings import Settings
from musher.triggers.builds import BuildCompleteTrigger
from musher.triggers.waits import WaitEnd

logger = logging.getLogger(__name__)


class BuildImageOperator(MusherOperator[MusherCodeBuildHook]):
    """Find the serving image by its content, or start its build, or adopt one that runs; wait for the image.

    The base is AwsBaseOperator: the provider has nothing for CodeBuild. What counts is the image, not the
    build: two runs may build the same one, and the second push is refused, as tags are immutable.
    """

    aws_hook_class = MusherCodeBuildHook
    ui_color = "#ff9900"
    operator_extra_links = LINKS

    def execute(self, context: Context) -> Any:
        """Return the image's address, whether it was built now, and the seconds that took."""
        from musher.packaging import pack_image_context  # no business of the DAG's parse

        self.know_run(context)
        show_no_links(context)
        with fail_without_retry():
            if self.settings.model_image:
                uri = self.settings.model_image
                logger.info("%s: the installation's own serving image (MUSHER_MODEL_IMAGE)", uri)
                return ServingImage(uri=uri, is_built=False, seconds=0.0)
            archive = pack_image_context(folder=self.settings.training_dir)
            plan = plan_image(self.settings, context_hash=archive.code_hash)
            if has_image(self.settings, plan=plan):
                return ServingImage(uri=plan.uri, is_built=False, seconds=0.0)
            upload_once(s3_hook(self.settings), self.settings, key=plan.context_key, data=archive.body)
            build_id = adopt_or_start(self.hook, self.settings, plan=plan)
            return self.wait_for_build(context, build_id=build_id, plan=plan)

    def wait_for_build(self, context: Context, *, build_id: str, plan: ImagePlan) -> Any:
        """Wait for the build's end."""
        log = (names.build_log_group(self.settings), build_id.partition(":")[2])
        self.show_links(context, kind=BUILD, name=build_id, log=log)
        data = self.hook.get_waiter(BuildCompleteTrigger.waiter).config
        trigger = BuildCompleteTrigger(
            arguments={"ids": [build_id]},
            connection=self._hook_parameters,
            delay_s=self.settings.poll_interval_s,
            deadline=clock.now() + data.delay * data.max_attempts,
            carried={"build_id": build_id, "plan": asdict(plan), "started_at": clock.now()},
        )
        return self.wait_for(context, trigger)

    def go_on(self, context: Context, end: WaitEnd) -> ServingImage:
        """Return the image; raise ImageError with the build's reason where there is none."""
        plan = ImagePlan(**end.carried["plan"])
        if not has_image(self.settings, plan=plan):
            build = describe_build(self.hook, build_id=end.carried["build_id"])
            raise build_failure(build, uri=plan.uri)
        seconds = round(clock.now() - float(end.carried["started_at"]), 3)
        return ServingImage(uri=plan.uri, is_built=True, seconds=seconds)


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
