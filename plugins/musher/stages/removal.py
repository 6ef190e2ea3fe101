"""Try every removal, and tell of all that failed together."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from musher.errors import SettingsError, TeardownError
from musher.hooks.endpoints import remove_versions
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.settings import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Removal:
    """One thing that may be there, and how it is stopped or removed; `remove` returns what was there."""

    what: str
    remove: Callable[[], list[str]]


def remove_all(removals: Sequence[Removal]) -> list[str]:
    """Try every removal; return what was there, or raise TeardownError with all that failed."""
    removed, failures = try_all(removals)
    raise_failures(failures, tried=len(removals))
    return removed


def try_all(removals: Sequence[Removal]) -> tuple[list[str], list[str]]:
    """Try every removal; return what was there, and what failed, with the reason."""
    removed: list[str] = []
    failures: list[str] = []
    for removal in removals:
        try:
            removed += removal.remove()
        except Exception as error:  # noqa: BLE001  # whatever it is, the others must be tried
            logger.error("%s: not removed: %s", removal.what, error)
            failures.append(f"{removal.what}: {error}")
    return removed, failures


def raise_failures(failures: Sequence[str], *, tried: int) -> None:
    """Raise TeardownError with all that failed, if anything did."""
    if failures:
        raise TeardownError(
            f"{len(failures)} of {tried} removals failed, what they name may still cost:\n"
            + "\n".join(failures)
            + "\nClear this task to try again, or remove them by hand."
        )


def check_account(settings: Settings, *, arn: str) -> None:
    """Raise SettingsError where a resource is of another account: its project may have the same name."""
    account_id = arn.split(":")[4]
    if account_id != settings.account_id:
        raise SettingsError(
            f"The connection {settings.aws_conn_id} leads to account {account_id}, and MUSHER_ACCOUNT_ID is "
            f"{settings.account_id}. Correct one of them."
        )


def removal(kind: str, subject: str, remove: Callable[[], bool]) -> Removal:
    """Return the removal of one named thing."""
    what = f"{kind} {subject}"
    return Removal(what=what, remove=lambda: [what] if remove() else [])


def removals_of_versions(
    hook: MusherSageMakerHook,
    *,
    prefix: str,
    tags: Mapping[str, str] | None = None,
    kinds: Sequence[str] = ("EndpointConfig", "Model"),
) -> list[Removal]:
    """Return how the configurations and models are removed whose names begin so, and that have these tags."""

    def removal_of(kind: str) -> Removal:
        def remove() -> list[str]:
            return [f"{kind} {name}" for name in remove_versions(hook, kind=kind, prefix=prefix, tags=tags)]

        return Removal(what=f"{kind} {prefix}*", remove=remove)

    return [removal_of(kind) for kind in kinds]
