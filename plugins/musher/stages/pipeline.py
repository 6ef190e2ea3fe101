"""The stages from a staged data set to an endpoint that answers: what the DAGs that train have in common."""

from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import BaseOperator, XComArg

from musher.results import StagedDataset
from musher.stages.autoscale import autoscale
from musher.stages.batch import batch
from musher.stages.deploy import deploy
from musher.stages.deploy_lambda import deploy_lambda
from musher.stages.embed import embed
from musher.stages.ends import end_run
from musher.stages.evaluate import evaluate
from musher.stages.gate import gate
from musher.stages.image import build_image
from musher.stages.load_job import load_job
from musher.stages.load_test import judge_load, load_test
from musher.stages.preflight import preflight
from musher.stages.register import register_model
from musher.stages.report import report
from musher.stages.smoke_test import smoke_test
from musher.stages.teardown import teardown
from musher.stages.train import train
from musher.stages.train_on_ec2 import train_on_ec2
from musher.stages.tune import tune


def operationalize(dataset: StagedDataset, *, started: BaseOperator) -> XComArg:
    """Wire all stages that follow the data; return the first of them, after which everything else comes.

    What is Any here is a task while the DAG is built, and what the task returns when the tasks run.
    """
    checked: Any = preflight(dataset)
    image: Any = build_image()
    features = embed(dataset, checked)
    tuning = tune(dataset, features)
    job = train(dataset, features, tuning)
    instance: Any = train_on_ec2(dataset, features, tuning)
    evaluation: Any = evaluate(job)
    model: Any = register_model(evaluation, image, dataset)
    verdict = gate(dataset, evaluation, model)
    classified: Any = batch(verdict, image, dataset)
    shadow, endpoint = deploy(verdict, image)
    function = deploy_lambda(endpoint)
    answers: Any = smoke_test(function, dataset)
    scaling: Any = autoscale(endpoint)
    sender: Any = load_job(scaling, endpoint, dataset)
    load: Any = load_test(answers, endpoint, dataset, sender)
    judged: Any = judge_load(load)
    results: Any = {
        "dataset": dataset,
        "features": features,
        "tuning": tuning,
        "job": job,
        "ec2": instance,
        "evaluation": evaluation,
        "verdict": verdict,
        "batch": classified,
        "shadow": shadow,
        "endpoint": endpoint,
        "scaling": scaling,
        "function": function,
        "answers": answers,
        "load": load,
    }
    answers >> scaling >> load
    checked >> image
    # The batch's job may be skipped, which must not skip what follows.
    batch_settled = EmptyOperator(task_id="batch_settled", trigger_rule="none_failed")
    classified >> batch_settled
    ends = [judged, batch_settled, instance]
    ends >> end_run()
    written: Any = report(results)
    ends >> written.as_teardown(setups=started, on_failure_fail_dagrun=True)
    removed: Any = teardown()
    ends >> removed.as_teardown(setups=[started, endpoint, function], on_failure_fail_dagrun=True)
    first: XComArg = checked
    return first
