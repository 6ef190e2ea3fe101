"""What a demo's summary says to a person, and whether the run counts as good. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

DIGITS, REALTIME = "digits", "realtime"
MIN_ACCURACY = 0.95
"""Of the digits, which the form's own values reach with room."""

INSTANCES = 2
TRIALS = 4
"""What the DAG's form has by default."""

SAMPLES = 3
"""Test images that the smoke test sends, where there are as many."""


def is_digits(conf: Mapping[str, Any]) -> bool:
    """Return whether a run is on the digits, of which it is known what to expect."""
    return bool(conf.get("source", DIGITS) == DIGITS)


def is_measured(conf: Mapping[str, Any]) -> bool:
    """Return whether a run is on the digits, before instances that answer at once: what the load is for."""
    return is_digits(conf) and conf.get("endpoint_kind", REALTIME) == REALTIME


def wanted_accuracy(conf: Mapping[str, Any]) -> float:
    """Return the test accuracy to ask for: the run's own minimum, or what is known of the digits.

    Of other data nothing is known; the run's gate has judged their model by then.
    """
    default = MIN_ACCURACY if is_digits(conf) else 0.0
    return float(conf.get("min_accuracy", default))


def check(summary: Mapping[str, Any], *, conf: Mapping[str, Any], min_accuracy: float) -> str | None:
    """Return why the run does not count as good, or None; Params that `conf` sets change what is asked."""
    if summary.get("failures"):
        return describe_failures(summary["failures"])
    if summary["accuracy"] < min_accuracy:
        return f"test accuracy is {summary['accuracy']:.4f}, below {min_accuracy}"
    instances = conf.get("instance_count", INSTANCES)
    if summary["instances"] != instances:
        return f"{summary['instances']} instances trained, not {instances}"
    is_tuned = conf.get("tuning_strategy") != "none"
    finished, wanted = finished_trials(summary), conf.get("tuning_trials", TRIALS) if is_tuned else 0
    if conf.get("tuning_strategy") == "Grid":  # it makes as many as it has points
        wanted = len(summary["tuning"]["trials"])
    if finished < wanted:
        return f"{finished} trials finished, not {wanted}"
    return check_answers(summary)


def describe_failures(failures: Mapping[str, str | None], *, logged: str | None = None) -> str:
    """Return what stopped the run: each failed task's reason, whole, or else the last error of the log."""
    told = "; ".join(f"{task}: {reason or logged or 'see the log'}" for task, reason in failures.items())
    return told or logged or "Airflow gives no reason"


def check_answers(summary: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the answers of the Lambda, or of the endpoint that has none, or None."""
    who = describe_answerer(summary)
    classes = summary["dataset"]["classes"]
    answers = summary["lambda"]["answers"]
    wanted = min(SAMPLES, summary["dataset"]["images"]["test"])
    if len(answers) != wanted:
        return f"the {who} answered {len(answers)} images, not {wanted}"
    for answer in answers:
        if answer["status"] != 200:
            return f"the {who} answered {answer['status']} for {answer['image']}"
        if answer["classes"] != classes:
            return f"the {who} answered {answer['classes']} numbers for {classes} classes"
    return None


def describe_answerer(summary: Mapping[str, Any]) -> str:
    """Return what has answered: the endpoint itself where it has no function."""
    return "Lambda" if summary["lambda"]["function_name"] else "endpoint"


def check_load(summary: Mapping[str, Any], *, must_grow: bool) -> str | None:
    """Return what is wrong with what a load test met, or None; also where there was none.

    Whether the endpoint grew is judged by the instances that were wanted: a busy machine starts them late.
    """
    load = summary.get("load")
    if not load:
        return None
    if lost := count_lost(load):
        return (
            f"{lost} of the load test's {load['sent'] + load['dropped']} requests failed or were never sent"
        )
    wanted = [point["desired"] for point in load["instances"]]
    if must_grow and (not wanted or max(wanted) == wanted[0]):
        return f"the endpoint was not given more instances under load: {wanted or 'they are not known'}"
    return None


def check_leftovers(left: Sequence[str]) -> str | None:
    """Return what a run should have removed, or None."""
    return f"{len(left)} resources of the runs are left: {', '.join(left)}" if left else None


def describe_leftovers(left: Sequence[str]) -> str:
    """Return the line about what runs have left beside what is live, which ends with the embedded AWS."""
    return f"Left       {len(left)} resources of the runs, beside what is live" + "".join(
        f"\n  {what}" for what in left
    )


def count_lost(load: Mapping[str, Any]) -> int:
    """Return how many requests of a load test failed or were never sent."""
    return int(load["failed"] + load["dropped"])


def count_instances(load: Mapping[str, Any]) -> list[int]:
    """Return how many instances served in the course of a load test: a number for each change."""
    counts = [point["current"] for point in load["instances"]]
    return [count for place, count in enumerate(counts) if place == 0 or counts[place - 1] != count]


def finished_trials(summary: Mapping[str, Any]) -> int:
    """Return how many trials reported their objective; one that early stopping ended did, too."""
    return sum(trial["objective"] is not None for trial in summary["tuning"]["trials"])


def describe(summary: Mapping[str, Any]) -> str:
    """Return what there is to say of a run, however far it came."""
    lines = ["", *_describe_data(summary), describe_tuning(summary["tuning"])]
    if summary["accuracy"] is not None:
        images, trained = summary["dataset"]["images"]["test"], f"by {_count(summary['instances'])}"
        lines.append(f"Accuracy   {summary['accuracy']:.4f} on the test split's {images} images, {trained}")
    if summary.get("ec2"):
        lines.append(describe_ec2(summary["ec2"]))
    lines.append("Stage            seconds   billed seconds")
    for stage, figures in summary["stages"].items():
        seconds, billed = figures["seconds"], figures.get("billed_seconds")
        lines.append(f"  {stage:<14} {_seconds(seconds):>7}   {_seconds(billed)}")
    if summary.get("load"):
        lines.append(describe_load(summary["load"]))
    if summary["lambda"]:
        lines.append(f"{describe_answerer(summary):<10} truth -> predicted (probability)")
        lines += [
            f"  {answer['truth']} -> {answer['predicted']} ({answer['probability']:.3f})  "
            f"{answer['image'].rsplit('/', 1)[-1]}"
            for answer in summary["lambda"]["answers"]
        ]
    return "\n".join(lines)


def describe_ec2(trained: Mapping[str, Any]) -> str:
    """Return the line about the model that an EC2 instance trained."""
    row = trained["rows"][0]
    price = "" if row["price_usd"] is None else f", ${row['price_usd']:.4f} on AWS"
    return f"EC2        {row['accuracy']:.4f} by {row['instances']} in {row['seconds']:.1f} s{price}"


def describe_load(load: Mapping[str, Any]) -> str:
    """Return the line about the load test."""
    p50_ms, p99_ms = (load["latency"][key] for key in ("p50_ms", "p99_ms"))
    times = "no answer" if p50_ms is None else f"p50 {p50_ms:.0f} ms, p99 {p99_ms:.0f} ms"
    counts = " -> ".join(map(str, count_instances(load)))
    instances = f"; instances {counts}" if counts else ""
    told = f"{load['sent']} requests to {load['target']}, {count_lost(load)} failed or never sent"
    return f"Load       {told}; {times}{instances}{_describe_prediction(load)}"


def _describe_prediction(load: Mapping[str, Any]) -> str:
    """Return how the prediction differs: it is for AWS's own pace, also where time passed faster."""
    most = load["predicted"]["highest"]
    if most is None or most == max(count_instances(load), default=most):
        return ""
    return f" (at AWS's own pace, the simulator expects {_count(most)})"


def _count(instances: int) -> str:
    return f"{instances} instance" + ("" if instances == 1 else "s")


def describe_tuning(tuning: Mapping[str, Any]) -> str:
    """Return the line about the trials."""
    if not tuning["best"]:
        return "Tuning     none"
    values = ", ".join(f"{name} {value:.4g}" for name, value in tuning["best"]["hyperparameters"].items())
    objective = f"{tuning['objective']} {tuning['best']['objective']:.4f}"
    return f"Tuning     {len(tuning['trials'])} trials, {tuning['strategy']}; best: {values} ({objective})"


def _describe_data(summary: Mapping[str, Any]) -> list[str]:
    dataset = summary["dataset"]
    if not dataset:
        return []
    images = sum(dataset["images"].values())
    warnings = (dataset.get("found") or {}).get("warnings") or []
    return [
        f"Data       {dataset['name']}: {images} images of {dataset['classes']} classes",
        *(f"Warning    {warning}" for warning in warnings),
    ]


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
