"""The transform part of the SageMaker backend: moto's state, with jobs that run."""

import threading
from collections.abc import Mapping
from typing import Any

from localaws.context import current
from localaws.sagemaker.endpoints.backend import EndpointsMixin
from localaws.sagemaker.roles import check_role
from localaws.sagemaker.transform.job import LocalTransformJob
from localaws.sagemaker.transform.runner import TransformRunner, plan_transform
from localaws.sagemaker.transform.service import transform_service
from localaws.sagemaker.transform.spec import TransformSpec, container_variables
from localaws.sagemaker.transform.validation import check_request, check_spec
from localaws.sagemaker.wording import job_not_found, name_taken, not_stoppable

_create_lock = threading.Lock()


class TransformMixin(EndpointsMixin):
    """Transform jobs that run, stop, and tell how they ended."""

    def run_transform_job(self, request: Mapping[str, Any]) -> LocalTransformJob:
        """Check a request of CreateTransformJob, start the job in the background, and return it."""
        check_request(request)
        context, name = current(), request["TransformJobName"]
        spec = TransformSpec.from_request(request, account_id=self.account_id, region=self.region_name)
        (plan,) = self.plan_variants([{"VariantName": name, "ModelName": request["ModelName"]}])
        check_role(plan.role_arn)
        check_spec(spec)
        job = LocalTransformJob(
            now=context.clock.now, request=request, account_id=self.account_id, region_name=self.region_name
        )
        with _create_lock:
            if name in self.transform_jobs:
                raise name_taken(job.arn)
            self.transform_jobs[name] = job
        variables = container_variables(spec.limits) | (request.get("Environment") or {})
        runner = TransformRunner(
            context=context,
            job=job,
            spec=spec,
            plan=plan_transform(plan, spec=spec, variables=variables),
        )
        transform_service().start(runner, arn=job.arn)
        return job

    def describe_transform_job(self, transform_job_name: str) -> dict[str, Any]:
        """Return the answer of DescribeTransformJob."""
        return self._find_transform_job(transform_job_name).response_object

    def stop_transform_job(self, *, name: str) -> None:
        """Stop a job that is in progress; the rest happens in the background."""
        job = self._find_transform_job(name)
        if not job.advance("Stopping"):
            raise not_stoppable("transform", job.status)
        transform_service().stop_job(arn=job.arn)

    def _find_transform_job(self, name: str) -> LocalTransformJob:
        job = self.transform_jobs.get(name)
        if not isinstance(job, LocalTransformJob):
            raise job_not_found(name)
        return job
