"""### Train on new photos, and let the better model serve

Stages the data set anew, and goes on only where it has changed. A new model is then trained, held against the
live one on the same test images, and brought to the live endpoint under alarms, or refused: the report says
why. The stages are those of `operationalize_model`, which says what each does.

    run_started -> stage_dataset -> require_new_data -> preflight -> ... -> smoke_test
                                                             `-> report, teardown

- **require_new_data** ends the run as a success, with one line in its log and in the report, where the live
  model was trained on the same data, or where a model of the same data and Params was refused before. All
  that costs is skipped then.

When it runs is the setting `MUSHER_RETRAIN_SCHEDULE`, a cron expression in UTC, and, with
`MUSHER_RETRAIN_ON_NEW_DATA`, once photos have come to its source in S3 and nothing changes there any more.
Without either, the DAG runs when it is triggered. It has no form: its values are the form's defaults and,
over them, the JSON object `MUSHER_RETRAIN_CONF`, which must name a `source`. What it deploys is always live.
One run at a time.
"""

from airflow.sdk import dag

from musher.stages.dataset import stage_dataset
from musher.stages.ends import start_run
from musher.stages.new_data import require_new_data
from musher.stages.pipeline import operationalize
from musher.stages.schedule import retraining_schedule
from musher.task_defaults import TASK_DEFAULTS


@dag(
    schedule=retraining_schedule(),
    catchup=False,
    doc_md=__doc__,
    dag_display_name="Train on new photos",
    tags=["musher"],
    max_active_runs=1,
    default_args=TASK_DEFAULTS,
)
def retrain_on_schedule() -> None:
    """Stage the data, look whether they are new, and take all stages that follow."""
    started = start_run()
    dataset = stage_dataset()
    started >> dataset
    require_new_data(dataset) >> operationalize(dataset, started=started)


pipeline = retrain_on_schedule()

if __name__ == "__main__":
    pipeline.test()
