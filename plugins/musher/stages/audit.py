"""Stage of audit_iam: look at the account, write what is found, and fail where that is too grave."""

import json
import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk import task

from musher.audit_results import AuditResult

if TYPE_CHECKING:
    from musher.iam.findings import Audit
    from musher.settings import Settings
    from musher.stages.run import Run

logger = logging.getLogger(__name__)


@task(multiple_outputs=False)
def audit_account() -> AuditResult:
    """Store findings.json, findings.sarif, report.html and summary.json; return counts and addresses."""
    from musher.iam.text import as_text
    from musher.operators.base import fail_without_retry
    from musher.stages.run import current_run

    with fail_without_retry():
        run = current_run()
        audit = make_audit_of(run)
        logger.info("%s", as_text(audit))
        return store(run, audit)


def make_audit_of(run: "Run") -> "Audit":
    """Return the audit of the account that Airflow's connection leads to."""
    from datetime import UTC, datetime
    from functools import partial

    from musher import clock
    from musher.iam.analyzer import with_analyses
    from musher.iam.audit import make_audit
    from musher.iam.findings import Limits
    from musher.iam.snapshot import take_snapshot

    settings, params = run.settings, run.params
    baseline = read_accepted(settings, uri=params["baseline_uri"])
    account = take_snapshot(
        partial(_make_client, settings),
        account_id=settings.account_id,
        region=settings.region,
        now=datetime.fromtimestamp(clock.now(), tz=UTC),
    )
    if params["ask_access_analyzer"]:
        account = with_analyses(account, partial(_make_client, settings))
    limits = Limits(unused_days=float(params["unused_days"]), project=settings.project)
    return make_audit(account, limits, baseline)


def _make_client(settings: "Settings", service: str) -> Any:
    """Return a client of the installation's connection that waits for IAM, which takes few calls a second."""
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
    from botocore.config import Config

    from musher.hooks.connection import hook_parameters

    config = Config(retries={"mode": "adaptive", "total_max_attempts": 5})
    return AwsBaseHook(**hook_parameters(settings), client_type=service, config=config).conn


def read_accepted(settings: "Settings", *, uri: str | None) -> tuple[Any, ...]:
    """Return the baseline's entries; AuditError where it is wrong, or lies outside the project's bucket."""
    from musher import names
    from musher.errors import AuditError
    from musher.hooks.connection import s3_hook
    from musher.hooks.objects import download
    from musher.iam.baseline import read_baseline

    if uri is None:
        return ()
    if not uri.startswith(names.s3_uri(settings, key=f"{settings.project}/")):
        raise AuditError(
            f"baseline_uri is {uri}: Airflow reads what lies below "
            f"{names.s3_uri(settings, key=settings.project)}/. Put it there."
        )
    return read_baseline(uri, download(s3_hook(settings), uri=uri).decode(errors="replace"))


def store(run: "Run", audit: "Audit") -> AuditResult:
    """Store an audit's files; return where they are."""
    from musher import names
    from musher.hooks.connection import s3_hook
    from musher.hooks.objects import upload
    from musher.iam.records import as_record, compare, count
    from musher.iam.sarif import as_sarif
    from musher.report.audit import render_audit

    record, settings = as_record(audit), run.settings
    summary = {"dag_id": run.dag_id, "run_id": run.run_id, "counts": count(audit)}
    earlier = read_earlier(settings)
    page = render_audit(record, run_id=run.run_id, changes=compare(earlier, record) if earlier else None)
    hook, prefix = s3_hook(settings), names.report_prefix(settings, dag_id=run.dag_id, run_id=run.run_id)

    def put(name: str, text: str, kind: str) -> str:
        return upload(
            hook, settings, key=f"{prefix}/{name}", data=text.encode(errors="replace"), content_type=kind
        )

    result = AuditResult(
        counts=count(audit),
        accepted=len(audit.accepted),
        unseen=[f"{found['what']}: {found['reason']}" for found in audit.unseen],
        findings=put("findings.json", json.dumps(record, indent=1), "application/json"),
        sarif=put("findings.sarif", json.dumps(as_sarif(audit), indent=1), "application/sarif+json"),
        report=put("report.html", page, "text/html; charset=utf-8"),
    )
    put("summary.json", json.dumps({**summary, "files": result}), "application/json")
    latest = names.latest_audit_key(settings)
    upload(hook, settings, key=latest, data=json.dumps(record).encode(), content_type="application/json")
    return result


def read_earlier(settings: "Settings") -> dict[str, Any] | None:
    """Return the record of the audit before; None where there is none, or it is of another format."""
    from musher import names
    from musher.hooks.connection import s3_hook
    from musher.hooks.objects import download, has_object
    from musher.iam.records import is_record

    hook, uri = s3_hook(settings), names.s3_uri(settings, key=names.latest_audit_key(settings))
    if not has_object(hook, uri=uri):
        return None
    try:
        found = json.loads(download(hook, uri=uri))
    except (ValueError, RecursionError):
        found = None
    if not is_record(found):
        logger.warning("%s is no audit: nothing is compared", uri)
        return None
    record: dict[str, Any] = found
    return record


@task(multiple_outputs=False)
def judge_findings(result: AuditResult | None) -> None:
    """Fail where findings are as grave as the Params say, or where something could not be looked at."""
    from musher.errors import AuditError
    from musher.iam.findings import SEVERITIES, rank
    from musher.operators.base import fail_without_retry
    from musher.params.auditing import NEVER
    from musher.stages.run import current_run

    with fail_without_retry(result=result):
        assert result is not None  # or the line above has raised
        params = current_run().params
        counted = () if params["fail_on"] == NEVER else SEVERITIES[rank(params["fail_on"]) :]
        grave = sum(result["counts"][name] for name in counted)
        unseen = result["unseen"] if params["must_see_all"] else []
        those = "1 finding is" if grave == 1 else f"{grave} findings are"
        said = [f"{those} {params['fail_on']} or graver"] if grave else []
        said += [f"not looked at: {found}" for found in unseen]
        if said:
            raise AuditError(
                "; ".join(said) + f". {result['report']} has each with its remedy: apply it, accept it in a "
                "baseline, or change the Params."
            )
