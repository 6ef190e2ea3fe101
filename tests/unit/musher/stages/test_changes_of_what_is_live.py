"""What retire_deployment spares and roll_back chooses, against moto's AWS in this process."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from botocore.exceptions import ClientError

from musher.errors import TeardownError
from musher.hooks import endpoints
from musher.payloads.tags import SHADOW_TAG
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


def test_a_version_that_vanishes_meanwhile_hides_no_other(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = endpoints.tags_of

    def read(hook: Any, *, arn: str) -> dict[str, str]:
        if arn.endswith("/musher-b"):
            raise ClientError({"Error": {"Code": "ValidationException", "Message": "no"}}, "ListTags")
        return really(hook, arn=arn)

    for name in ("musher-a", "musher-b", "musher-c"):
        account.version(name, tags=account.live)
    monkeypatch.setattr(endpoints, "tags_of", read)
    remove_all(releases.live_versions(releases.sagemaker_hook(account.settings), account.settings))
    assert account.left() == {"c musher-b", "m musher-b"}


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


@pytest.mark.parametrize(
    ("serves", "version", "goes_to"),
    [("c2", None, None), ("c2", "c1", None), ("c2", "c3", "3"), ("c1", "c3", "3"), ("c3", None, "3")],
)
def test_a_function_that_has_gone_back_goes_forward_only_with_the_endpoint(
    account: Account, monkeypatch: pytest.MonkeyPatch, serves: str, version: str | None, goes_to: str | None
) -> None:
    """Version 3, which came with c3, was at fault: no run that goes further back brings it to users again."""
    for name, previous in (("c1", None), ("c2", "c1"), ("c3", "c2")):
        account.version(name, tags=account.live, previous=previous)
    account.aws.create_endpoint(EndpointName="musher-live", EndpointConfigName=serves)
    run = SimpleNamespace(settings=account.settings, params={"version": version})
    monkeypatch.setattr(releases, "current_run", lambda: run)
    current = "4" if serves == "c3" else "2"
    monkeypatch.setattr(releases, "find_function_versions", lambda hook, settings: (current, "3"))
    target = releases.choose_target.function()
    assert target["function_version"] == goes_to
    assert target["replaced_version"] == current


def test_who_ends_a_comparison_by_the_release_s_name_keeps_the_function(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The release answered users before and does so afterwards, and the function's version came with it."""
    account.version("c1", tags=account.live)
    account.version("c2", tags=account.live, previous="c1")
    account.version("both", tags={**account.live, SHADOW_TAG: "c2"}, previous="c2")
    account.aws.create_endpoint(EndpointName="musher-live", EndpointConfigName="both")
    monkeypatch.setattr(releases, "find_function_versions", lambda hook, settings: ("3", "2"))
    found = {}
    for version in (None, "c2"):
        run = SimpleNamespace(settings=account.settings, params={"version": version})
        monkeypatch.setattr(releases, "current_run", lambda run=run: run)
        found[version] = releases.choose_target.function()
    assert (found[None]["config_name"], found[None]["function_version"]) == ("c1", "2")
    assert (found["c2"]["config_name"], found["c2"]["function_version"]) == ("c2", None)
