"""What retire_deployment spares, against moto's AWS in this process."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from musher.errors import TeardownError
from musher.stages import releases
from musher.stages.removal import remove_all
from tests.unit.musher.stages.test_reap import Account, account, all_of

__all__ = ["account"]


def test_what_is_live_goes_but_not_that_of_a_project_whose_name_begins_so(account: Account) -> None:
    account.deploy("musher-live", tags=account.live)
    account.deploy("musher-dev-live", tags={**account.live, "musher:project": "musher-dev"})
    remove_all(releases.live_deployment(account.settings))
    assert account.left() == all_of("musher-dev-live")


def test_an_endpoint_that_cannot_be_removed_keeps_what_it_serves(
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(hook: Any, *, name: str, delay_s: float) -> bool:
        raise TeardownError("it is Updating, and costs by the hour")

    account.deploy("musher-live", tags=account.live)
    monkeypatch.setattr(releases, "remove_endpoint", fail)
    with pytest.raises(TeardownError, match="endpoint musher-live is still there, and needs what it serves"):
        remove_all(releases.live_deployment(account.settings))
    assert account.left() == all_of("musher-live")


def test_nothing_of_another_account_is_retired(
    account: Account,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account.deploy("musher-live", tags=account.live)
    run = SimpleNamespace(settings=replace(account.settings, account_id="210987654321"))
    monkeypatch.setattr(releases, "current_run", lambda: run)
    with pytest.raises(AirflowFailException, match="leads to account 123456789012"):
        releases.retire.function()
    assert account.left() == all_of("musher-live")
