"""### Audit the account's IAM

Looks at every role, user, group, policy, access key, bucket, function, endpoint and repository of the
account, and says who may do too much, who may get at it, and what nobody uses: FullAccess and wildcards, ways
to more rights (`iam:PassRole` and its kin), public or cross-account trust, unused roles and keys, roles of
functions that are gone, open or unencrypted buckets. Nothing is changed: each finding has its severity, the
statement that shows it, and the call that ends it. `python -m musher.iam audit --fix` makes them, one by one.

    audit_account -> judge_findings

- **audit_account** writes the report (the run's tab "Report"), `findings.json` and `findings.sarif`. Where
  there was an audit before, the report says what has come and what has gone.
- **judge_findings** fails where findings are as grave as `fail_on`, or where AWS did not let everything be
  looked at. `baseline_uri` accepts findings, each with a reason and an end.

It runs by itself as `MUSHER_AUDIT_SCHEDULE` says; what fails is told to the topic `MUSHER_ALERT_TOPIC`.
Deploy `infra/auditing.yaml` before. All rules: docs/iam-audit.md.
"""

from datetime import timedelta

from airflow.sdk import ParamsDict, dag

from musher.params.auditing import AUDITING
from musher.settings import read_audit_schedule
from musher.stages.alerts import alert
from musher.stages.audit import audit_account, judge_findings
from musher.task_defaults import TASK_DEFAULTS


@dag(
    schedule=read_audit_schedule(),
    catchup=False,
    doc_md=__doc__,
    dag_display_name="Audit the account's IAM",
    tags=["musher"],
    max_active_runs=1,
    default_args={**TASK_DEFAULTS, "execution_timeout": timedelta(minutes=30), "on_failure_callback": alert},
)
def audit_iam() -> None:
    """Look, then judge: the report is there whatever is found."""
    judge_findings(audit_account())


pipeline = audit_iam()
pipeline.params = ParamsDict(AUDITING)

if __name__ == "__main__":
    pipeline.test()
