"""Stage: put the trained model into the registry, as a version that nobody has judged yet."""

import time

from airflow.sdk import task

from musher import names
from musher.hooks.connection import sagemaker_hook
from musher.operators.base import fail_without_retry
from musher.payloads.tags import PROJECT_TAG
from musher.results import Evaluation, RegisteredModel, ServingImage, StagedDataset
from musher.stages.run import current_run


@task(multiple_outputs=False)
def register_model(evaluation: Evaluation, image: ServingImage, dataset: StagedDataset) -> RegisteredModel:
    """Create a version with the model's archive, figures, data and job; return its ARN and number."""
    from musher.hooks.registry import ensure_group, register  # no business of the DAG's parse
    from musher.payloads.registry import (
        ACCURACY,
        DATA,
        JOB,
        OUTPUT,
        RECIPE,
        RUN,
        PackagePlan,
        build_package,
        build_package_group,
    )
    from musher.stages.champion import recipe_of

    started = time.monotonic()
    with fail_without_retry(evaluation=evaluation, image=image, dataset=dataset):
        run = current_run()
        hook, group = sagemaker_hook(run.settings), names.package_group(run.settings)
        # A group's tags are the project's: it outlives every run.
        tags = {PROJECT_TAG: run.settings.project}
        ensure_group(hook, request=build_package_group(group=group, tags=tags))
        plan = PackagePlan(
            group=group,
            image=image["uri"],
            model_uri=evaluation["model_uri"],
            metadata={
                RUN: run.slug,
                JOB: evaluation["job_name"],
                DATA: dataset["data_hash"],
                OUTPUT: evaluation["output_uri"],
                ACCURACY: f"{evaluation['accuracy']:.6g}",
                RECIPE: recipe_of(run.params),
            },
            instance_type=run.params["endpoint_instance_type"],
            tags=tags,
        )
        package = register(hook, request=build_package(plan))
    return RegisteredModel(
        package_arn=package["ModelPackageArn"],
        version=package["ModelPackageVersion"],
        model_uri=evaluation["model_uri"],
        seconds=round(time.monotonic() - started, 3),
    )
