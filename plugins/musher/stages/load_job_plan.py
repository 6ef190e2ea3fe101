"""Plan the job that sends a run's load, say what forbids it, and read what it measured."""

import json
import logging
import time
from dataclasses import asdict

from musher import names
from musher.errors import LoadTestError, MissingResultError, PreflightError
from musher.hooks.account import look_client, read_quotas
from musher.hooks.connection import s3_hook
from musher.hooks.objects import download, upload_once
from musher.packaging import pack_load_generator
from musher.payloads.choices import WORKER
from musher.payloads.processing import LoadJobPlan, build_load_job
from musher.payloads.quotas import SERVICE, judge_quotas, list_load_needs
from musher.results import LoadJobResult, LoadTestResult, Params, Request
from musher.settings import Settings
from musher.stages.checks import Check, describe_problems, look_at_all
from musher.stages.endpoint_plan import hash_content
from musher.stages.load_measurement import look_up_fleet, make_record, store, summarize
from musher.stages.run import Run
from musher.traffic.job import JobMeasured, Order, read_target
from musher.traffic.targets import LoadTarget

logger = logging.getLogger(__name__)


def request_job(run: Run, target: LoadTarget) -> Request:
    """Return the job's request, having stored the load generator and what it is to do."""
    hook, settings = s3_hook(run.settings), run.settings
    archive, order = pack_load_generator(), make_order(run.params, target)
    key = names.load_generator_key(settings, code_hash=archive.code_hash)
    order_key = names.load_order_key(settings, slug=run.slug, content_hash=hash_content([order]))
    plan = LoadJobPlan(
        job_name=names.load_job(settings, slug=run.slug),
        code_uri=upload_once(hook, settings, key=key, data=archive.body),
        order_uri=upload_once(hook, settings, key=order_key, data=json.dumps(order).encode()),
        instance_type=run.params["load_test_on"],
        load_s=run.params["load_test_s"],
        tags=run.tags,
    )
    return build_load_job(settings, plan=plan)


def make_order(params: Params, target: LoadTarget) -> Order:
    """Return what the job is to do: the same load as a worker would send."""
    return {
        "target": asdict(target),
        "load": {
            "kind": params["load_test_profile"],
            "rate": params["load_test_rate"],
            "peak_rate": params["load_test_peak_rate"],
            "duration_s": float(params["load_test_s"]),
        },
    }


def collect(run: Run, job: LoadJobResult | None) -> LoadTestResult:
    """Store all that a job has measured as a worker does, and return what matters."""
    started = time.monotonic()
    if job is None:
        raise MissingResultError("No job has sent the load. Clear the tasks of load_job.")
    found: JobMeasured = json.loads(download(s3_hook(run.settings), uri=job["measured_uri"]))
    target = read_target(found["target"])
    fleet = look_up_fleet(run, target)
    record = make_record(run, target, fleet, measured=found["measured"], instances=found["instances"])
    uri = store(run, record)
    if not found["measured"]["is_complete"]:
        raise LoadTestError(
            f"The job {job['job_name']} was told to end before its load did; what was measured is at {uri}. "
            "Clear load_job: that starts the next attempt."
        )
    seconds = time.monotonic() - started + (job["seconds"] or 0.0)
    return summarize(record, uri=uri, seconds=seconds, job=job)


def check_job(run: Run, target: LoadTarget) -> None:
    """Raise PreflightError with all that keeps the job from sending a load; preflight asks this elsewhere."""
    settings, params = run.settings, run.params
    problems, warnings = look_at_all(
        [
            Check(about="load test", look=lambda: find_contradictions(settings, params)),
            Check(about="images", look=lambda: find_foreign_images(settings, target)),
            Check(about="quotas", look=lambda: check_load_quota(settings, params)),
        ]
    )
    if warnings:
        logger.warning("not checked: %s", "; ".join(warnings))
    if problems:
        raise PreflightError(describe_problems(problems))


def find_contradictions(settings: Settings, params: Params) -> list[str]:
    """Return a sentence for each setting or Param with which no job can send a load."""
    where, problems = params["load_test_on"], []
    if where == WORKER:
        return []
    if not params["load_test_s"]:
        problems.append(
            f"load_test_on is {where}, and load_test_s is 0: no load is sent. Set load_test_s, or "
            f"load_test_on to {WORKER}."
        )
    elif settings.isolate_network:
        problems.append(
            f"load_test_on is {where}, and MUSHER_ISOLATE_NETWORK cuts jobs off from every network, so that "
            f"none reaches an endpoint. Set load_test_on to {WORKER}."
        )
    return problems


def find_foreign_images(settings: Settings, target: LoadTarget) -> list[str]:
    """Return a sentence where the jobs' role may not read the bucket of the images."""
    known = (names.bucket(settings), *settings.source_buckets)
    foreign = sorted({bucket for bucket, _ in map(names.split_s3_uri, target.images)} - set(known))
    return [
        f"images are in {bucket}: the jobs may read {', '.join(known)} only. Copy them there, or name "
        f"{bucket} in MUSHER_SOURCE_BUCKETS and in the stack's parameter SourceBucketArns."
        for bucket in foreign
    ]


def check_load_quota(settings: Settings, params: Params) -> list[str]:
    """Return whether the account has no room for the job's instance."""
    needs = list_load_needs(params)
    client = look_client(settings, "service-quotas")
    quotas = read_quotas(client, service=SERVICE, names={need.quota for need in needs})
    return judge_quotas(needs, quotas=quotas, region=settings.region)
