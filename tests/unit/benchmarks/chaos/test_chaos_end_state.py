"""End states are compared by what they mean: run, times and numbers of versions may differ, nothing else."""

import io
import tarfile
from datetime import UTC, datetime
from typing import Any

from benchmarks.chaos.cases import Outcome
from benchmarks.chaos.comparison import Ends, compare
from benchmarks.chaos.end_state import Observer, State, differences, hash_weights, is_half

SLUG, OTHER = "0123abcd", "deadbeef"


class FakeScaler:
    """An Application Auto Scaling with one target; all other services have nothing."""

    def __init__(self, slug: str, *, most: int) -> None:
        self.slug = slug
        self.most = most

    def __getattr__(self, operation: str) -> Any:
        def answer(**members: Any) -> dict[str, Any]:
            return {key: [] for key in ("ScalingPolicies", "ScalableTargets")}

        return answer

    def describe_scalable_targets(self, *, ServiceNamespace: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """Return the target of the run's endpoint."""
        target = {
            "ResourceId": f"endpoint/musher-{self.slug}/variant/AllTraffic",
            "MaxCapacity": self.most,
            "CreationTime": datetime.now(UTC),
            "ScalableTargetARN": f"arn:{datetime.now(UTC)}",
        }
        return {"ScalableTargets": [target] if ServiceNamespace == "sagemaker" else []}


def scaling_of(slug: str, *, most: int = 3) -> State:
    """Return what an observer says of a run's scaling."""
    scaler = FakeScaler(slug, most=most)
    observer = Observer(client=lambda service: scaler, bucket="b", slug=slug, others=frozenset({OTHER}))
    return observer.tell(observer.scaling)


def test_two_runs_that_did_the_same_leave_the_same() -> None:
    assert scaling_of(SLUG) == scaling_of("89abcdef")
    assert list(scaling_of(SLUG)) == ["scalable target endpoint/musher-RUN/variant/AllTraffic"]


def test_a_number_that_means_something_is_told_apart() -> None:
    assert differences(scaling_of(SLUG), scaling_of(SLUG, most=4)) == [
        "scalable target endpoint/musher-RUN/variant/AllTraffic: MaxCapacity is 4 instead of 3"
    ]


def rename(text: str) -> str:
    """Return a text as the observer of SLUG writes it."""
    observer = Observer(client=lambda service: None, bucket="b", slug=SLUG, others=frozenset({OTHER}))
    return observer.rename(text)


def test_names_of_this_run_of_others_and_of_content_are_told_apart() -> None:
    assert rename(f"musher/reports/{SLUG}99ff/report.html") == "musher/reports/RUN/report.html"
    assert rename(f"musher-{OTHER}-11223344") == "musher-OTHER-11223344"
    assert rename("musher/code/aabbccdd/x") == "musher/code/aabbccdd/x"


def test_times_and_numbers_of_versions_are_of_no_meaning() -> None:
    assert rename("arn:aws:sagemaker:us-east-1:1:model-package/musher/17") == (
        "arn:aws:sagemaker:us-east-1:1:model-package/musher/N"
    )
    assert rename("until 2026-11-29T12:00:00+00:00") == "until TIME"


def test_the_end_of_a_trial_s_name_is_drawn() -> None:
    assert rename(f"training job musher-t-{SLUG}-001-d1e6c124") == "training job musher-t-RUN-001-DRAWN"
    assert rename(f"musher/code/{SLUG}-aabbccdd/x") == "musher/code/RUN-aabbccdd/x"


def test_a_checkpoint_that_was_copied_half_is_no_result() -> None:
    assert is_half("musher/jobs/a/checkpoints/c7597f09/.model.safetensors.partial")
    assert not is_half("musher/jobs/a/checkpoints/c7597f09/model.safetensors")
    assert not is_half("musher/datasets/a/.model.safetensors.partial")


def test_what_is_missing_and_what_is_there_besides_is_said() -> None:
    assert differences({"model a": 1}, {"model b": 1}) == ["missing: model a", "more: model b"]


def judge(left: State) -> Outcome:
    """Return how a run is judged that left this, where one training job should have been left."""
    outcome = Outcome(case="a", fired=1, is_finished=True)
    wanted = Ends(released={}, left={"training job RUN": None}, children=[])
    compare(wanted, Ends(released={}, left=left, children=[]), outcome)
    return outcome


def test_a_second_job_is_a_duplicate_and_an_endpoint_that_is_left_an_orphan() -> None:
    assert judge({"training job RUN": None}).is_same
    assert judge({"training job RUN": None, "training job RUN-2": None}).duplicates == [
        "2 x training job instead of 1"
    ]
    assert judge({"training job RUN": None, "endpoint musher-RUN": None}).orphans == ["endpoint musher-RUN"]


def test_a_process_too_many_is_an_orphan() -> None:
    outcome = Outcome(case="a", fired=1, is_finished=True)
    none = Ends(released={}, left={}, children=[])
    compare(none, Ends(released={}, left={}, children=["lambda-x"]), outcome)
    assert outcome.orphans == ["processes: lambda-x"]


def test_a_report_may_come_after_the_teardown() -> None:
    outcome = Outcome(case="a", fired=1, is_finished=True)
    wanted = Ends(released={"object musher/reports/RUN/report.html": None}, left={}, children=[])
    compare(wanted, Ends(released={}, left={}, children=[]), outcome)
    assert outcome.is_same


def model_file(weights: bytes, *, head: bytes) -> bytes:
    """Return a file as safetensors writes it: the head's length, the head, the weights."""
    return len(head).to_bytes(8, "little") + head + weights


def archive_of(model: bytes, *, at: int) -> bytes:
    """Return a model.tar.gz that was made at a second."""
    kept = io.BytesIO()
    with tarfile.open(fileobj=kept, mode="w:gz") as archive:
        member = tarfile.TarInfo("model.safetensors")
        member.size, member.mtime = len(model), at
        archive.addfile(member, io.BytesIO(model))
    return kept.getvalue()


def test_a_model_is_its_weights_whenever_and_by_whichever_job_they_were_trained() -> None:
    first, again = (model_file(b"weights", head=head) for head in (b'{"job": "a"}', b'{"job": "bb"}'))
    assert hash_weights(first) == hash_weights(again)
    assert (
        hash_weights(first) == hash_weights(archive_of(again, at=1)) == hash_weights(archive_of(first, at=2))
    )
    assert hash_weights(first) != hash_weights(model_file(b"WEIGHTS", head=b"{}"))
