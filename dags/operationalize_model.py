"""### From photos to a prediction through a Lambda function

Stages a data set, looks for good values, trains a classifier with them on one or more instances, holds it
against minimums and against the live model, brings it to an endpoint with a Lambda function before it,
classifies three test images through that function, sends the endpoint a known load, and writes a report.

    run_started -> stage_dataset -> preflight -> embed -> tune -> train -> evaluate -> register_model
                                 `-> build_image ------------------------------^
        -> gate -> deploy -> deploy_lambda -> smoke_test -> autoscale -> load_test -> judge_load
             `---> batch --------------------------------------------------------------------'
        -> run_succeeded, report, teardown

- **stage_dataset** refuses misspelt names of Params before it stages anything.
- **preflight** looks for whatever would make the run fail later, before anything is paid: contradictory
  Params, quotas, roles, bucket, image. All findings come in one error.
- **build_image** has the serving image built in the account, where it is not there yet.
- **embed** computes the features of a frozen backbone once, for all runs that need the same ones.
  Its job is skipped unless `freeze_backbone` is set.
- **tune** makes trials and gives the best one's learning rate and batch size to **train**. The objective is
  the validation loss per image. No trials are made where `tuning_strategy` is `none`. Trials that all fail,
  and tuning that somebody stops, fail the run.
- **gate** compares the model with the live one on the same test images, and approves or rejects the version
  that **register_model** made of it.
- **batch** lets the approved model classify images in one go, in a batch transform job, beside the
  deployment. Its job is skipped unless `batch_input` names images.
- **deploy** first lets the model work beside the live one, where `comparison_percent` asks for it: in its
  shadow, where nobody gets its answers, or as its challenger, which answers. One that is bad is not deployed.
- **autoscale** lets the endpoint grow and shrink with its load, between two bounds. It comes after
  **smoke_test**: a run that fails leaves the scaling of what served before as it was.
- **deploy_lambda** makes nothing before an asynchronous endpoint (`endpoint_kind`), and **smoke_test** asks
  that endpoint itself; a serverless one has nothing to scale.
- **load_test** measures the endpoint under the load that the form asks for, with images of the test split;
  **judge_load** fails the run where it is too slow or fails too often. With an instance type as
  `load_test_on`, **load_job** has a processing job send that load before.
- **train** keeps checkpoints. On spot capacity it goes on from the last one after each interruption.

**What stays** is the Param `lifetime`. With `live`, the project's one endpoint and function go over to the
new model, without a request that is lost, and stay; with `trial`, the run has an endpoint and a function of
its own, which **teardown** removes whatever happens. It also stops the run's jobs. Where a live run fails
after the update, what served before serves again; `roll_back` does that later, and `retire_deployment`
removes what is live. A failed job is started again by itself only where AWS failed it, not the job: correct
the cause and clear the task. A run has no time limit, as Airflow would skip the teardown with it: each task
has its own, and each wait for a job the job's.
**report** is written for runs that fail, too. It lies in the project's bucket, at
`<project>/reports/<run>/report.html`.
"""

from copy import deepcopy

from airflow.sdk import ParamsDict, dag

from musher.params.form import FORM
from musher.stages.dataset import stage_dataset
from musher.stages.ends import start_run
from musher.stages.pipeline import operationalize
from musher.task_defaults import TASK_DEFAULTS


@dag(
    schedule=None,
    catchup=False,
    doc_md=__doc__,
    dag_display_name="From photos to a Lambda function",
    tags=["musher"],
    max_active_runs=4,
    default_args=TASK_DEFAULTS,
)
def operationalize_model() -> None:
    """Stage the data, and take all stages that follow (musher/stages/pipeline.py)."""
    started = start_run()
    dataset = stage_dataset()
    started >> dataset
    operationalize(dataset, started=started)


pipeline = operationalize_model()
# Given last: each task made after it would get a copy of every Param, checked and stored at each parse.
# A copy of the form: a run's conf is written into the Params that its tasks are given.
pipeline.params = ParamsDict(deepcopy(FORM))

if __name__ == "__main__":
    pipeline.test()
