"""### Put the model before back into operation

Brings the live endpoint to the configuration that served before the present one, or to the one named in
`version`, and the live function's alias to the version that it stood for before. The instances that the
autoscaler has set stay. No request is lost: the old instances answer until the new ones do.

A second run goes one configuration further back, and the function stays at the version that it went back to.
To go forward again, name the configuration: the function goes forward, too.
"""

from airflow.sdk import ParamsDict, dag

from musher.params.releases import ROLL_BACK
from musher.stages.releases import choose_target, roll_back_endpoint, roll_back_function
from musher.task_defaults import TASK_DEFAULTS


@dag(
    schedule=None,
    catchup=False,
    doc_md=__doc__,
    dag_display_name="Roll the live model back",
    tags=["musher"],
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
)
def roll_back() -> None:
    """Wire the stages."""
    target = choose_target()
    roll_back_endpoint(target) >> roll_back_function(target)


pipeline = roll_back()
pipeline.params = ParamsDict(ROLL_BACK)

if __name__ == "__main__":
    pipeline.test()
