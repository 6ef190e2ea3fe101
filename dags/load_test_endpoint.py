"""### Send a known load to the live endpoint

Sends images at a rate, or in a shape, to the live endpoint (or another one, or a function) and measures what
users would meet: latencies from the moment each request was due, errors, throughput, and the endpoint's
instances over time. Nothing is changed, whatever comes out: a limit that is missed fails this run alone.

**The load is real**: users of the endpoint meet it too, it may make the endpoint grow, and it sets off the
alarms that watch for errors and latency. AWS adds instances after three minutes of load at the soonest.

With an instance type as `load_test_on`, a processing job sends the load instead of a worker (**load_job**).

The report lies in the project's bucket, at `<project>/reports/<run>/report.html`, all figures beside it in
`load_test.json`. Marking the task as failed stops the load and keeps what was measured.
"""

from airflow.sdk import ParamsDict, dag

from musher.params.load_test import LOAD_TEST_ENDPOINT
from musher.stages.ends import end_run, start_run
from musher.stages.load_job import load_job_target
from musher.stages.load_test import judge_load, load_test_target
from musher.stages.report import nothing_but, report
from musher.task_defaults import TASK_DEFAULTS


@dag(
    schedule=None,
    catchup=False,
    doc_md=__doc__,
    dag_display_name="Load-test the live model",
    tags=["musher"],
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
)
def load_test_endpoint() -> None:
    """Measure, then judge; the report shows both."""
    started = start_run()
    sender = load_job_target(started)
    load = load_test_target(sender)
    judged = judge_load(load)
    judged >> end_run()
    judged >> report(nothing_but(load=load)).as_teardown(setups=started, on_failure_fail_dagrun=True)


pipeline = load_test_endpoint()
pipeline.params = ParamsDict(LOAD_TEST_ENDPOINT)

if __name__ == "__main__":
    pipeline.test()
