"""Histories find nothing in localaws, and find what is broken on purpose; a seed is a history."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.histories import MODELS
from benchmarks.history_models.interleaving import TurnLock
from benchmarks.history_models.machine import run_histories
from localaws.autoscaling import decisions
from localaws.autoscaling.cooldown import Cooldown
from localaws.functions.concurrency import slots
from localaws.functions.pool import EnvironmentPool
from localaws.s3 import deletion, writing
from localaws.s3.backend import LocalS3Backend
from localaws.s3.files import Files
from localaws.sagemaker.endpoints.controller import EndpointController
from localaws.sagemaker.endpoints.deployments import rollout
from localaws.sagemaker.endpoints.deployments.rollout import Rollout

FEW, MANY = 15, 150
SEED = 5
Patch = pytest.MonkeyPatch


def give_every_slot(patch: Patch) -> None:
    patch.setattr(slots, "find_refusal", lambda running, allowance, *, is_provisioned: None)


def forget_what_is_kept(patch: Patch) -> None:
    find = slots.find_refusal

    def refuse(running: Any, allowance: Any, *, is_provisioned: bool) -> str | None:
        generous = dataclasses.replace(allowance, provisioned=0)
        return find(running, generous, is_provisioned=is_provisioned)

    patch.setattr(slots, "find_refusal", refuse)


def keep_old_code(patch: Patch) -> None:
    patch.setattr(
        EnvironmentPool, "_put_back", lambda pool, used: pool._idle.setdefault(used.spec, []).append(used)
    )
    patch.setattr(EnvironmentPool, "trim", lambda pool, spec, *, keep: None)


def lock_nothing(patch: Patch) -> None:
    patch.setattr(TurnLock, "__enter__", lambda lock: None)
    patch.setattr(TurnLock, "__exit__", lambda lock, *error: None)


def drop_older_versions(patch: Patch) -> None:
    put = LocalS3Backend._put

    def put_alone(backend: Any, bucket: Any, key: str, body: Any, **more: Any) -> Any:
        stored = put(backend, bucket, key, body, **more)
        bucket.keys.setlist(key, [stored])
        return stored

    patch.setattr(LocalS3Backend, "_put", put_alone)


def check_conditions_once(patch: Patch) -> None:
    def store(place: Any, body: Any, spec: Any, **more: Any) -> Any:
        return place.backend.store(place.bucket, place.target.key, body, spec, **more)

    patch.setattr(writing, "commit", store)


def leave_files_behind(patch: Patch) -> None:
    patch.setattr(Files, "drop", lambda files, incoming: incoming.close())


def delete_the_newest(patch: Patch) -> None:
    patch.setattr(deletion, "version_id", lambda version: deletion.NULL)


def retire_before_the_switch(patch: Patch) -> None:
    enter = Rollout._enter

    def enter_early(self: Any, progress: Any) -> Any:
        if progress.phase.value == "ActivatingTraffic":
            self._host.retire(self._blue.instances())
        return enter(self, progress)

    patch.setattr(Rollout, "_enter", enter_early)


def switch_before_it_is_healthy(patch: Patch) -> None:
    look = Rollout._look

    def see_it_ready(self: Any, progress: Any, failure: str | None) -> Any:
        return rollout.replace(look(self, progress, failure), is_ready=True)

    patch.setattr(Rollout, "_look", see_it_ready)


def do_not_wait_for_answers(patch: Patch) -> None:
    patch.setattr(EndpointController, "_drain", lambda controller, surplus: None)


def ignore_alarms(patch: Patch) -> None:
    patch.setattr(EndpointController, "tripped", lambda controller, names: ())


def scale_in_while_it_cools_down(patch: Patch) -> None:
    patch.setattr(Cooldown, "allows_in", lambda cooldown, *, now_s: True)


def scale_out_twice(patch: Patch) -> None:
    patch.setattr(Cooldown, "base_for_out", lambda cooldown, capacity, *, now_s: capacity)


def ignore_suspensions(patch: Patch) -> None:
    patch.setattr(decisions.Scaling, "is_suspended", lambda scaling, kind: False)


BROKEN: dict[str, tuple[Callable[[Patch], None], ...]] = {
    "functions": (give_every_slot, forget_what_is_kept, keep_old_code, lock_nothing),
    "objects": (drop_older_versions, check_conditions_once, leave_files_behind, delete_the_newest),
    "endpoints": (
        retire_before_the_switch,
        switch_before_it_is_healthy,
        do_not_wait_for_answers,
        ignore_alarms,
    ),
    "scaling": (scale_in_while_it_cools_down, scale_out_twice, ignore_suspensions),
}
REACHED = {
    "functions": {
        "ConcurrentInvocationLimitExceeded",
        "ReservedFunctionConcurrentInvocationLimitExceeded",
        "ran on demand",
        "ran provisioned",
    },
    "objects": {"put 200", "put 412", "copy 200", "part 200", "complete 200", "delete 204"},
    "endpoints": {
        "updated by ALL_AT_ONCE",
        "updated by CANARY",
        "updated by LINEAR",
        "updated by ROLLING",
        "CANARY taken back by an alarm",
        "a change of count was made",
    },
    "scaling": {"scaled out", "scaled in", "scaled out in a cooldown", "kept to its bounds"},
}


@pytest.mark.parametrize("model", sorted(MODELS))
def test_few_histories_find_nothing(model: str) -> None:
    found = run_histories(MODELS[model], first_seed=SEED, histories=FEW)
    assert found.program == ""
    assert found.histories >= FEW
    assert found.steps > FEW


@pytest.mark.slow
@pytest.mark.parametrize("model", sorted(MODELS))
def test_many_histories_find_nothing_and_come_to_what_they_are_for(model: str) -> None:
    found = run_histories(MODELS[model], first_seed=SEED, histories=2 * MANY)
    assert found.program == ""
    assert set(found.reached) >= REACHED[model]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "break_it"),
    [(model, break_it) for model, breaks in sorted(BROKEN.items()) for break_it in breaks],
)
def test_what_is_broken_is_found(
    model: str, break_it: Callable[[Patch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_it(monkeypatch)
    found = run_histories(MODELS[model], first_seed=SEED, histories=2 * MANY, is_shortened=False)
    assert found.program, "nothing was found"
    assert f"state = {MODELS[model].__name__}()" in found.program


def test_a_violation_is_a_short_program_and_the_same_for_the_same_seed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    scale_out_twice(monkeypatch)
    first, second = (run_histories(MODELS["scaling"], first_seed=SEED, histories=MANY) for _ in range(2))
    assert "scaled out twice in one cooldown" in first.program
    steps = [line for line in first.program.splitlines() if line.startswith("state.")]
    assert len([step for step in steps if "what_is_settled" not in step]) <= 6
    assert (first.program, first.steps) == (second.program, second.steps)
    assert list(tmp_path.iterdir()) == [], "something was written where it ran"
