"""What users of SageMaker's SDK v2 do: `python sdk_v2.py NAME BUCKET ROLE`; JSON comes out last."""

import json
import os
import sys
import time
from typing import Any

import boto3
from sagemaker import Session
from sagemaker.async_inference import AsyncInferenceConfig, WaiterConfig
from sagemaker.deserializers import JSONDeserializer
from sagemaker.model_monitor import DataCaptureConfig
from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor
from sagemaker.pytorch import PyTorch, PyTorchModel
from sagemaker.serializers import JSONSerializer
from sagemaker.transformer import Transformer
from sagemaker.tuner import ContinuousParameter, HyperparameterTuner

BUCKET, ROLE = sys.argv[2:4]
SESSION = Session(boto_session=boto3.Session(), default_bucket=BUCKET)
VERSIONS = {"framework_version": "2.5", "py_version": "py311"}
ONE = {"instance_count": 1, "instance_type": "ml.m5.large"}
COMMON = {"role": ROLE, "sagemaker_session": SESSION}
TEXT = {"serializer": JSONSerializer(), "deserializer": JSONDeserializer()}
METRICS = [{"Name": "loss", "Regex": "loss=([0-9.]+);"}]
DATA = f"s3://{BUCKET}/data/data.csv"


def make_estimator(**hyperparameters: Any) -> PyTorch:
    """Return an estimator of the script in `source`."""
    return PyTorch(
        entry_point="train.py",
        source_dir="source",
        hyperparameters=hyperparameters,
        metric_definitions=METRICS,
        max_run=600,
        **COMMON,
        **ONE,
        **VERSIONS,
    )


def make_model() -> PyTorchModel:
    """Return a model with the code in `source`, of the weights that the test has stored."""
    return PyTorchModel(
        model_data=f"s3://{BUCKET}/model.tar.gz",
        entry_point="inference.py",
        source_dir="source",
        **COMMON,
        **VERSIONS,
    )


def train() -> dict[str, Any]:
    """Fit, read the metrics, and attach to the job."""
    estimator = make_estimator(rate=0.25, epochs=1)
    estimator.fit({"train": DATA})
    attached = PyTorch.attach(estimator.latest_training_job.name, sagemaker_session=SESSION)
    metrics = estimator.training_job_analytics.dataframe(force_refresh=True)
    return {
        "model": attached.model_data == estimator.model_data,
        "hyperparameters": attached.hyperparameters(),
        "loss": float(metrics["value"].iloc[-1]),
    }


def tune() -> dict[str, Any]:
    """Tune, take the best estimator, read the trials, and attach."""
    tuner = HyperparameterTuner(
        make_estimator(epochs=1),
        "loss",
        {"rate": ContinuousParameter(0.1, 0.9)},
        metric_definitions=METRICS,
        objective_type="Minimize",
        max_jobs=3,
        max_parallel_jobs=2,
        strategy="Random",
        random_seed=3,
    )
    tuner.fit({"train": DATA})
    best = tuner.best_estimator()
    trials = tuner.analytics().dataframe()
    attached = HyperparameterTuner.attach(tuner.latest_tuning_job.name, sagemaker_session=SESSION)
    return {
        "best": tuner.best_training_job(),
        "model": best.model_data,
        "lowest": trials.sort_values("FinalObjectiveValue")["TrainingJobName"].iloc[0],
        "attached": attached.best_training_job(),
        "instance": attached.estimator.instance_type,
    }


def serve() -> dict[str, Any]:
    """Deploy with data capture, predict, update to two instances, read what was captured, delete."""
    capture = DataCaptureConfig(True, 100, f"s3://{BUCKET}/capture", sagemaker_session=SESSION)
    predictor = make_model().deploy(1, ONE["instance_type"], data_capture_config=capture, **TEXT)
    answer = predictor.predict({"x": 1})
    predictor.update_endpoint(initial_instance_count=2, instance_type=ONE["instance_type"])
    described = SESSION.describe_endpoint(predictor.endpoint_name)
    deadline = time.monotonic() + 120
    while not (captured := SESSION.list_s3_files(BUCKET, "capture")) and time.monotonic() < deadline:
        time.sleep(1)
    predictor.delete_model()
    predictor.delete_endpoint()
    return {
        "answer": answer,
        "instances": described["ProductionVariants"][0]["CurrentInstanceCount"],
        "captured": len(captured),
    }


def serve_later() -> dict[str, Any]:
    """Deploy an asynchronous endpoint; ask for an answer first, then wait for one, then read the first."""
    config, patience = AsyncInferenceConfig(output_path=f"s3://{BUCKET}/async"), WaiterConfig(120, 1)
    predictor = make_model().deploy(1, ONE["instance_type"], async_inference_config=config, **TEXT)
    later = predictor.predict_async({"x": 2})
    waited_for = predictor.predict({"x": 1}, waiter_config=patience)
    answers = [waited_for, later.get_result(patience)]
    predictor.delete_endpoint()
    return {"answers": answers}


def transform() -> dict[str, Any]:
    """Transform line by line, and attach to the job."""
    transformer = make_model().transformer(
        1,
        ONE["instance_type"],
        strategy="SingleRecord",
        output_path=f"s3://{BUCKET}/transform",
        assemble_with="Line",
    )
    transformer.transform(DATA, content_type="text/csv", split_type="Line", wait=True, logs=False)
    attached = Transformer.attach(transformer.latest_transform_job.name, sagemaker_session=SESSION)
    return {
        "output": SESSION.read_s3_file(BUCKET, "transform/data.csv.out"),
        "attached": attached.output_path == transformer.output_path,
    }


def process() -> dict[str, Any]:
    """Run a script on the data."""
    processor = ScriptProcessor(
        image_uri=make_estimator().training_image_uri(), command=["python3"], **COMMON, **ONE
    )
    processor.run(
        "process.py",
        inputs=[ProcessingInput(DATA, "/opt/ml/processing/input")],
        outputs=[ProcessingOutput(source="/opt/ml/processing/output", output_name="result")],
        arguments=["--case", "upper"],
    )
    place = processor.latest_job.outputs[0].destination.removeprefix(f"s3://{BUCKET}/")
    return {"output": SESSION.read_s3_file(BUCKET, f"{place}/result.csv")}


if __name__ == "__main__":
    programs = {run.__name__: run for run in (train, tune, serve, serve_later, transform, process)}
    print("ANSWER " + json.dumps(programs[sys.argv[1]]()), flush=True)
    # AsyncPredictor goes on to wait for the failure that did not come, in threads that would hold the process
    os._exit(0)
