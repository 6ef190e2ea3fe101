"""### From photos to a prediction through a Lambda function

Stages a data set, looks for good values, trains a classifier with them on one or more instances, holds its
test accuracy against a minimum, deploys it to an endpoint with a Lambda function before it, classifies three
test images through that function, writes a report, and removes what it deployed.

    stage_dataset -> preflight -> embed -> tune -> train -> evaluate -> deploy -> deploy_lambda -> smoke_test
                              `-> build_image --------------------------^                              |
                                                                                    report, teardown <-'

- **preflight** looks for whatever would make the run fail later, before anything is paid: misspelt or
  contradictory Params, quotas, roles, bucket, image. All findings come in one error.
- **build_image** has the serving image built in the account, where it is not there yet.
- **embed** computes the features of a frozen backbone once, for all runs that need the same ones. It is
  skipped unless `freeze_backbone` is set.
- **tune** makes trials and gives the best one's learning rate and batch size to **train**. The objective is
  the validation loss per image. It is skipped where `tuning_strategy` is `none`. Trials that all fail, and
  tuning that somebody stops, fail the run.
- **train** keeps checkpoints. On spot capacity it goes on from the last one after each interruption.

Nothing is left running, not even after a failure, unless `keep_resources` is set. A failed job is never
started again by a retry: correct the cause and clear the task.
The report lies in the project's bucket, at `<project>/reports/<run>/report.html`.
"""

from datetime import timedelta

from airflow.sdk import dag

from musher.params.data import DATA
from musher.params.deployment import DEPLOYMENT
from musher.params.instances import INSTANCES
from musher.params.model import MODEL
from musher.params.training import TRAINING
from musher.params.tuning import TUNING
from musher.stages.dataset import stage_dataset
from musher.stages.deploy import deploy
from musher.stages.deploy_lambda import deploy_lambda
from musher.stages.embed import embed
from musher.stages.evaluate import evaluate
from musher.stages.image import build_image
from musher.stages.preflight import preflight
from musher.stages.report import report
from musher.stages.smoke_test import smoke_test
from musher.stages.teardown import teardown
from musher.stages.train import train
from musher.stages.tune import tune


@dag(
    schedule=None,
    catchup=False,
    doc_md=__doc__,
    params={**DATA, **MODEL, **TUNING, **TRAINING, **INSTANCES, **DEPLOYMENT},
    tags=["musher"],
    max_active_runs=4,
    dagrun_timeout=timedelta(hours=30),
    default_args={
        "owner": "musher",
        "retries": 2,
        "retry_delay": timedelta(seconds=30),
        "execution_timeout": timedelta(hours=2),
    },
)
def operationalize_model() -> None:
    """Wire the stages."""
    dataset = stage_dataset()
    checked = preflight(dataset)
    image = build_image()
    checked >> image
    features = embed(dataset, checked)
    tuning = tune(dataset, features)
    job = train(dataset, features, tuning)
    approved = evaluate(job)
    endpoint = deploy(approved, image)
    function = deploy_lambda(endpoint)
    answers = smoke_test(function, dataset)
    report(dataset=dataset, job=job, approved=approved, endpoint=endpoint, function=function, answers=answers)
    teardown(after=answers)


operationalize_model()
