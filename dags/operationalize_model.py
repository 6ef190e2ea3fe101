"""### From photos to a prediction through a Lambda function

Stages a data set, looks for good values, trains a classifier with them on one or more instances, holds it
against minimums and against the live model, brings it to an endpoint with a Lambda function before it,
classifies three test images through that function, sends the endpoint a known load, and writes a report.

    run_started -> stage_dataset -> preflight -> embed -> tune -> train -> evaluate -> register_model
                                 `-> build_image ------------------------------^
        -> gate -> deploy -> deploy_lambda -> smoke_test -> autoscale -> load_test -> judge_load
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
- **autoscale** lets the endpoint grow and shrink with its load, between two bounds. It comes after
  **smoke_test**: a run that fails leaves the scaling of what served before as it was.
- **load_test** measures the endpoint under the load that the form asks for, with images of the test split;
  **judge_load** fails the run where it is too slow or fails too often.
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
from datetime import timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import ParamsDict, dag

from musher.params.form import FORM
from musher.stages.autoscale import autoscale
from musher.stages.dataset import stage_dataset
from musher.stages.deploy import deploy
from musher.stages.deploy_lambda import deploy_lambda
from musher.stages.embed import embed
from musher.stages.evaluate import evaluate
from musher.stages.gate import gate
from musher.stages.image import build_image
from musher.stages.load_test import judge_load, load_test
from musher.stages.preflight import preflight
from musher.stages.register import register_model
from musher.stages.report import report
from musher.stages.smoke_test import smoke_test
from musher.stages.teardown import teardown
from musher.stages.train import train
from musher.stages.tune import tune


@dag(
    schedule=None,
    catchup=False,
    doc_md=__doc__,
    dag_display_name="From photos to a Lambda function",
    tags=["musher"],
    max_active_runs=4,
    default_args={
        "owner": "musher",
        "retries": 2,
        "retry_delay": timedelta(seconds=30),
        "execution_timeout": timedelta(hours=2),
    },
)
def operationalize_model() -> None:
    """Wire the stages."""
    started = EmptyOperator(task_id="run_started").as_setup()
    dataset = stage_dataset()
    checked = preflight(dataset)
    image = build_image()
    features = embed(dataset, checked)
    tuning = tune(dataset, features)
    job = train(dataset, features, tuning)
    evaluation = evaluate(job)
    model = register_model(evaluation, image, dataset)
    verdict = gate(dataset, evaluation, model)
    endpoint = deploy(verdict, image)
    function = deploy_lambda(endpoint)
    answers = smoke_test(function, dataset)
    scaling = autoscale(endpoint)
    load = load_test(answers, endpoint, dataset)
    judged = judge_load(load)
    results = {
        "dataset": dataset,
        "features": features,
        "tuning": tuning,
        "job": job,
        "evaluation": evaluation,
        "verdict": verdict,
        "endpoint": endpoint,
        "scaling": scaling,
        "function": function,
        "answers": answers,
        "load": load,
    }
    started >> dataset
    answers >> scaling >> load
    checked >> image
    # Airflow judges a run by its last tasks, and the report and the teardown succeed after failures, too.
    judged >> EmptyOperator(task_id="run_succeeded")
    judged >> report(results).as_teardown(setups=started, on_failure_fail_dagrun=True)
    judged >> teardown().as_teardown(setups=[started, endpoint, function], on_failure_fail_dagrun=True)


pipeline = operationalize_model()
# Given last: each task made after it would get a copy of every Param, checked and stored at each parse.
# A copy of the form: a run's conf is written into the Params that its tasks are given.
pipeline.params = ParamsDict(deepcopy(FORM))

if __name__ == "__main__":
    pipeline.test()
