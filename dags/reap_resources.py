"""### Remove what has outlived its time

Finds what runs have left behind past the time in their tags (`musher:expires-at`, `MUSHER_TTL_H` hours after
they were asked for): jobs and instances that still run, endpoints with their scaling and alarms, notebook
instances, functions, endpoint configurations, models, volumes and log groups; what lost its endpoint,
uploads that nobody finished, and, after `MUSHER_REPORT_DAYS`, reports. **By default it only looks**: the log
says what would go, why, and what that saves a month. Without `dry_run` it is removed in this order, the
dearest of each kind first, and
an endpoint that AWS is busy with last: its removal may wait for 90 minutes.

- Uploads, reports and scaling carry no tags: their place in the project's bucket, or the endpoint's name,
  says whose they are, and their age whether their time is over. Versions in the registry cost nothing, and
  stay.
- Nothing else without the tag `musher:project` of this project, and nothing without a time (with its offset
  from UTC: `2026-01-02T00:00:00Z`), is touched. What is live has no time, so it stays, unless somebody gives
  it that tag.
- What an endpoint that stays serves, or can go back to, stays with it.
- **A job that runs longer than `MUSHER_TTL_H` is stopped**, and a trial's endpoint removed, even while the
  run goes on: set that above the longest job.

It runs by itself as `MUSHER_REAP_SCHEDULE` says, dry as well; without that, when it is triggered. What cannot
be removed fails the task and is named; clear it to try again.
"""

from airflow.sdk import ParamsDict, dag

from musher.params.reaping import REAPING
from musher.settings import read_reap_schedule
from musher.stages.reap import reap
from musher.task_defaults import TASK_DEFAULTS


@dag(
    schedule=read_reap_schedule(),
    catchup=False,
    doc_md=__doc__,
    dag_display_name="Remove what has outlived its time",
    tags=["musher"],
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
)
def reap_resources() -> None:
    """Remove everything in one task: it tries all, whatever fails."""
    reap()


pipeline = reap_resources()
pipeline.params = ParamsDict(REAPING)

if __name__ == "__main__":
    pipeline.test()
