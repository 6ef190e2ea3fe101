"""### A notebook instance

Starts a notebook instance that has the project's code, a notebook and a kernel for both; stops or deletes it.

    choose_action -> check_notebook -> request_notebook -> start_notebook -> open_notebook
                  -> stop_notebook
                  -> delete_notebook

- **start** creates the instance, or starts the one of that name with its files; type and volume may be others
  than before. One that is in service stays as it is. The kernel `musher` is there some minutes after that.
- **It stops itself** after `idle_minutes` in which no kernel was busy and no terminal was used. What lies in
  `/home/ec2-user/SageMaker` stays; its volume costs until the instance is deleted.
- **After `time_to_live_h`** it counts as expired; each start lets that begin anew.
- An instance that fails says AWS's reason and what its script wrote last, and stays until it is started again
  or deleted. One without the project's tag is never touched.

Its role reads the project's bucket, writes below `notebooks/` there, and asks the live endpoint. It cannot
start jobs: whoever may do so with the project's roles may replace its models. Train in the notebook, or
trigger a DAG.
"""

from airflow.sdk import ParamsDict, dag

from musher.params.notebook import NOTEBOOK
from musher.stages.notebook import (
    check_notebook,
    choose_action,
    delete_notebook,
    open_notebook,
    request_notebook,
    start_notebook,
    stop_notebook,
)
from musher.task_defaults import TASK_DEFAULTS


@dag(
    schedule=None,
    catchup=False,
    doc_md=__doc__,
    dag_display_name="Start or stop a notebook",
    tags=["musher"],
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
)
def notebook_instance() -> None:
    """Wire the three ways."""
    chosen, requests = choose_action(), request_notebook()
    chosen >> check_notebook() >> requests
    open_notebook(start_notebook(requests))
    chosen >> [stop_notebook(), delete_notebook()]


pipeline = notebook_instance()
pipeline.params = ParamsDict(NOTEBOOK)

if __name__ == "__main__":
    pipeline.test()
