"""Two requests at once about reservations, provisioned environments and aliases."""

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.history_models.environments import COMES_UP, RAISES
from benchmarks.history_models.functions import MANY_TURNS, FunctionHistory
from tests.objections import objection

RESERVE_BOTH = (("reserve", {"name": "cats", "size": 4}), ("reserve", {"name": "dogs", "size": 4}))
RESERVE_AND_PROVISION = (
    ("reserve", {"name": "cats", "size": 4}),
    ("provision", {"name": "dogs", "qualifier": "1", "size": 4}),
)
DELETE_AND_SHIFT = (
    ("delete", {"name": "cats", "qualifier": "2", "chance": 0}),
    ("put_alias", {"name": "cats", "alias": "live", "version": "2", "share": 0.0}),
)


@pytest.mark.parametrize("works", [RESERVE_BOTH, RESERVE_AND_PROVISION, DELETE_AND_SHIFT])
def test_what_is_asked_for_at_once_holds_together(works: tuple[tuple[str, dict[str, Any]], ...]) -> None:
    """Wherever the first is interrupted, for the second to run to its end."""
    for line in range(0, 42, 3):
        history = FunctionHistory()
        try:
            history.begin(2, None, 0)
            history.do_at_once(list(works), [(0, line), (1, 60)])
            assert objection(history.nothing_is_violated) is None
            assert objection(history.what_is_set_leaves_what_must_stay) is None
            assert objection(history.an_alias_means_a_version_that_is_there) is None
        finally:
            history.teardown()


def test_what_failed_to_be_provisioned_is_not_asked_for_again_beyond_a_reservation() -> None:
    history = FunctionHistory()
    try:
        history.begin(2, None, 0)
        history.provision("cats", "live", 3)
        history.go_on(MANY_TURNS)
        history.start(RAISES, 3, MANY_TURNS)
        history.reserve("cats", 1)
        history.put_alias("cats", "live", "2", 0.0)
        assert objection(history.what_is_set_leaves_what_must_stay) is None
        ((_, config),) = history.backend.all_provisioned()
        assert (config.status, history.backend.get_alias("live", "cats").function_version) == ("FAILED", "1")
    finally:
        history.teardown()


def stop_provisioning(history: FunctionHistory) -> None:
    history.provision_no_more("cats", "live")


def delete_the_alias(history: FunctionHistory) -> None:
    history.delete_alias("cats", "live")


@pytest.mark.parametrize("give_up", [stop_provisioning, delete_the_alias])
def test_what_still_starts_for_an_alias_is_given_up_with_it(
    give_up: Callable[[FunctionHistory], None],
) -> None:
    history = FunctionHistory()
    try:
        history.begin(1, None, 0)
        history.provision("cats", "live", 2)
        history.go_on(MANY_TURNS)
        give_up(history)
        history.go_on(MANY_TURNS)
        assert history.waiting("Starting") == []
    finally:
        history.teardown()


@pytest.mark.parametrize("give_up", [stop_provisioning, delete_the_alias])
@pytest.mark.parametrize("turns", [0, 1, 2, 3, MANY_TURNS])
def test_a_version_keeps_what_it_asked_for_though_an_alias_of_it_was_being_provisioned(
    give_up: Callable[[FunctionHistory], None], turns: int
) -> None:
    history = FunctionHistory()
    try:
        history.begin(1, None, 0)
        history.provision("cats", "live", 2)
        history.go_on(MANY_TURNS)
        give_up(history)
        history.provision("cats", "1", 4)
        history.start(COMES_UP, 2, turns)
        history.settle()
        assert objection(history.nothing_is_violated) is None
    finally:
        history.teardown()


def test_what_dies_while_more_is_provisioned_is_started_again() -> None:
    history = FunctionHistory()
    try:
        history.begin(1, None, 2)
        history.lose_an_environment(0)
        history.sweep()  # one is started again
        history.lose_an_environment(0)
        history.start(COMES_UP, 1, MANY_TURNS)
        ((_, config),) = history.backend.all_provisioned()
        assert (config.status, config.allocated) == ("IN_PROGRESS", 1)
        history.sweep()
        history.start(COMES_UP, 1, MANY_TURNS)
        assert (config.status, config.allocated) == ("READY", 2)
    finally:
        history.teardown()
