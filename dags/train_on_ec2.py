"""### Train on an EC2 instance

Stages a data set, and trains on one EC2 instance with the values of the form: the same program as
SageMaker's job runs, without SageMaker. The model and its figures on the test split are in the report;
nothing is deployed.

    run_started -> stage_dataset -> train_on_ec2 -> run_succeeded
                         `------------------------> report, teardown

- **request_instance** looks for whatever would make the instance fail, before anything is paid: image, type,
  quota, disk, network, role. All findings come in one error. The stack needs
  its parameter `Ec2Vpc`.
- **run_instance** starts the instance, or finds the one that an earlier try has started, shows its log, and
  waits. The instance fetches code and data from S3, checks their hashes, trains, uploads `model.tar.gz` and
  terminates itself, whatever happens, `max_runtime_s` and 15 minutes after its start at the latest. A Spot
  Instance that AWS takes away is followed by the next, which goes on from the last checkpoint.
- **teardown** terminates what is left of the run's instances, also where somebody marks the run as failed.

The report lies in the project's bucket, at `<project>/reports/<run>/report.html`. What a job fails of is told
in the task's log: correct the cause and clear the task.
"""

from copy import deepcopy

from airflow.sdk import ParamsDict, dag

from musher.params.ec2 import TRAIN_ON_EC2
from musher.stages.dataset import stage_dataset
from musher.stages.ends import end_run, start_run
from musher.stages.report import nothing_but_ec2, report
from musher.stages.train_on_ec2 import end_instances, train_on_ec2_alone
from musher.task_defaults import TASK_DEFAULTS


@dag(
    schedule=None,
    catchup=False,
    doc_md=__doc__,
    dag_display_name="Train on an EC2 instance",
    tags=["musher"],
    max_active_runs=4,
    default_args=TASK_DEFAULTS,
)
def train_on_ec2() -> None:
    """Stage, train, report; end what is left."""
    started = start_run()
    dataset = stage_dataset()
    started >> dataset
    trained = train_on_ec2_alone(dataset)
    trained >> end_run()
    written = report(nothing_but_ec2(dataset=dataset, ec2=trained))
    trained >> written.as_teardown(setups=started, on_failure_fail_dagrun=True)
    trained >> end_instances().as_teardown(setups=started, on_failure_fail_dagrun=True)


pipeline = train_on_ec2()
# Given last: each task made after it would get a copy of every Param, checked and stored at each parse.
# A copy of the form: a run's conf is written into the Params that its tasks are given.
pipeline.params = ParamsDict(deepcopy(TRAIN_ON_EC2))

if __name__ == "__main__":
    pipeline.test()
