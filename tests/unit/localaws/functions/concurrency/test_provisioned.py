"""The state of provisioned concurrency."""

from typing import Any

from localaws.functions.concurrency.provisioned import INIT_FAILURE, Provisioned, total


def counts(config: Provisioned) -> list[Any]:
    """Return what is told of it."""
    told = config.describe()
    words = ("Requested", "Allocated", "Available")
    return [told["Status"], *(told[f"{word}ProvisionedConcurrentExecutions"] for word in words)]


def test_it_is_ready_once_all_are_there() -> None:
    config = Provisioned(requested=2, last_modified="now")
    assert counts(config) == ["IN_PROGRESS", 2, 0, 0]
    config.note(1)
    assert counts(config) == ["IN_PROGRESS", 2, 1, 1]
    config.note(2)
    assert counts(config) == ["READY", 2, 2, 2]
    config.note(1)
    assert counts(config) == ["READY", 2, 1, 1], "one has died; it is started again"


def test_a_failure_keeps_none_and_can_be_tried_again() -> None:
    config = Provisioned(requested=2, last_modified="now")
    config.fail(INIT_FAILURE)
    assert counts(config) == ["FAILED", 2, 0, 0]
    assert config.describe()["StatusReason"] == "FUNCTION_ERROR_INIT_FAILURE"
    config.ask_for(1, last_modified="later")
    assert counts(config) == ["IN_PROGRESS", 1, 0, 0]
    assert "StatusReason" not in config.describe()


def test_what_failed_takes_nothing_from_the_account() -> None:
    failed = Provisioned(requested=5, last_modified="now", status="FAILED")
    assert total({"1": Provisioned(requested=2, last_modified="now"), "2": failed}) == 2
