"""What has outlived its time: found, judged and removed, what costs by the hour first."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from musher import names
from musher.hooks import inventory
from musher.hooks.alarms import remove_alarms
from musher.hooks.autoscaling import stop_scaling
from musher.hooks.connection import autoscaling_hook, cloudwatch_hook, lambda_hook, sagemaker_hook
from musher.hooks.endpoints import remove_endpoint
from musher.hooks.functions import remove_function
from musher.hooks.jobs import stop_training_jobs, stop_transform_jobs, stop_tuning_jobs
from musher.hooks.sagemaker import found_or_none
from musher.payloads.alarms import alarm_names
from musher.payloads.autoscaling import step_policy_name
from musher.payloads.expiry import Resource, dearest_first, monthly_price, reason_to_remove
from musher.results import Reaped
from musher.settings import Settings
from musher.stages.removal import Removal, removal, try_all

logger = logging.getLogger(__name__)

REMOVED, WOULD, FAILED, KEPT = "removed", "would be removed", "failed", "kept, as its tags have changed"


@dataclass(frozen=True, kw_only=True)
class Wave:
    """Resources that are listed, judged and removed before those of the next wave are listed."""

    what: str
    find: Callable[[], Iterable[Resource]]
    find_needed: Callable[[], set[str]] = field(default=set)


class Reaper:
    """Go through all waves once; one failure, to list or to remove, stops nothing else."""

    def __init__(self, settings: Settings, *, now: datetime, is_dry: bool) -> None:
        """Take the moment that times are held against; a dry reaper changes nothing."""
        self.settings, self.now, self.is_dry = settings, now, is_dry
        self.sagemaker, self.functions = sagemaker_hook(settings), lambda_hook(settings)
        self.gone: dict[str, set[str]] = {inventory.ENDPOINT: set(), inventory.CONFIG: set()}
        """Kind -> names that count as removed: in a dry run, those that would be."""
        self.reaped: list[Reaped] = []
        self.failures: list[str] = []
        self.tried = 0
        """Removals and lists."""

    def run(self) -> None:
        """Fill `reaped` and `failures`."""
        for wave in self.waves():
            self.tried += 1
            try:
                found = self._judge(wave)
            except Exception as error:  # noqa: BLE001  # whatever it is, the others must be tried
                logger.error("%s: not listed: %s", wave.what, error)
                self.failures.append(f"{wave.what}: not listed: {error}")
                continue
            for resource, reason in found:
                self._reap(resource, reason)

    def waves(self) -> list[Wave]:
        """Return what costs, then what that used: configurations before models."""
        hook, prefix = self.sagemaker, f"{self.settings.project}-"
        listing = partial(inventory.list_versions, hook, prefix=prefix)
        return [
            Wave(what="jobs", find=partial(inventory.list_jobs, hook, prefix=prefix)),
            Wave(what="endpoints", find=partial(inventory.list_endpoints, hook, prefix=prefix)),
            Wave(what="functions", find=partial(inventory.list_functions, self.functions, prefix=prefix)),
            Wave(
                what="endpoint configurations",
                find=partial(listing, kind=inventory.CONFIG),
                find_needed=partial(
                    inventory.configs_in_use, hook, prefix=prefix, gone=self.gone[inventory.ENDPOINT]
                ),
            ),
            Wave(
                what="models",
                find=partial(listing, kind=inventory.MODEL),
                find_needed=partial(
                    inventory.models_in_use, hook, prefix=prefix, gone=self.gone[inventory.CONFIG]
                ),
            ),
        ]

    def _judge(self, wave: Wave) -> list[tuple[Resource, str]]:
        """Return what of a wave is to be removed, and why, the dearest first."""
        found = sorted(wave.find(), key=dearest_first)
        needed = wave.find_needed() if found else set()
        judged = [(resource, self._reason(resource, needed=needed)) for resource in found]
        return [(resource, reason) for resource, reason in judged if reason is not None]

    def _reason(self, resource: Resource, *, needed: Iterable[str] = ()) -> str | None:
        return reason_to_remove(
            resource, project=self.settings.project, now=self.now, needed=frozenset(needed)
        )

    def _reap(self, resource: Resource, reason: str) -> None:
        if self.is_dry:
            self._count_as_gone(resource)
            self._note(resource, reason, done=WOULD)
            return
        self.tried += 1
        removed, failures = try_all([self._removal(resource)])
        self.failures += failures
        if removed:
            self._count_as_gone(resource)
        self._note(resource, reason, done=FAILED if failures else REMOVED if removed else KEPT)

    def _count_as_gone(self, resource: Resource) -> None:
        """Keep the kind apart: a run's endpoint and its function have the same name."""
        self.gone.setdefault(resource.kind, set()).add(resource.name)

    def _removal(self, resource: Resource) -> Removal:
        """Return how a resource is removed, once its tags have been read again."""

        def remove() -> bool:
            hook = self.functions if resource.kind == inventory.FUNCTION else self.sagemaker
            tags = inventory.read_tags(hook, arn=resource.arn)
            if self._reason(replace(resource, tags=tags)) is None:
                logger.warning("%s %s: kept: its tags have changed meanwhile", resource.kind, resource.name)
                return False
            self._removers()[resource.kind](resource.name)
            return True

        return removal(resource.kind, resource.name, remove)

    def _removers(self) -> Mapping[str, Callable[[str], object]]:
        """Return kind -> what stops or removes one by its name; what is missing already is fine."""
        aws = self.sagemaker.conn
        return {
            inventory.ENDPOINT: self._remove_endpoint,
            inventory.FUNCTION: self._remove_function,
            inventory.TRAINING: lambda name: stop_training_jobs(self.sagemaker, name=name),
            inventory.TUNING: lambda name: stop_tuning_jobs(self.sagemaker, name=name),
            inventory.TRANSFORM: lambda name: stop_transform_jobs(self.sagemaker, name=name),
            inventory.CONFIG: lambda name: found_or_none(aws.delete_endpoint_config, EndpointConfigName=name),
            inventory.MODEL: lambda name: found_or_none(aws.delete_model, ModelName=name),
        }

    def _remove_endpoint(self, name: str) -> None:
        """End the scaling and the alarms of an endpoint first: without it, nothing would lead to them."""
        settings = self.settings
        is_live = name == names.live_endpoint(settings)
        stop_scaling(autoscaling_hook(settings), endpoint_name=name)
        alarms = alarm_names(settings) if is_live else [step_policy_name(name)]
        remove_alarms(cloudwatch_hook(settings), names=alarms)
        remove_endpoint(self.sagemaker, name=name, delay_s=settings.poll_interval_s)

    def _remove_function(self, name: str) -> None:
        """Remove a function's alarm first; what is reserved and provisioned goes with the function."""
        remove_alarms(cloudwatch_hook(self.settings), names=[names.function_alarm(name)])
        remove_function(self.functions, name=name)

    def _note(self, resource: Resource, reason: str, *, done: str) -> None:
        age = self.now - resource.created_at if resource.created_at else None
        self.reaped.append(
            Reaped(
                kind=resource.kind,
                name=resource.name,
                age_h=round(age.total_seconds() / 3600, 1) if age else None,
                reason=reason,
                usd_per_month=monthly_price(resource),
                done=done,
            )
        )


def write_table(reaped: Sequence[Reaped]) -> str:
    """Return what was found as lines of a log."""
    if not reaped:
        return "nothing has outlived its time"
    lines = [_write_line(found) for found in reaped]
    known = sum(found["usd_per_month"] or 0 for found in reaped)
    return "\n".join([*lines, f"{len(reaped)} in all, {known:.2f} USD a month where prices are noted"])


def _write_line(found: Reaped) -> str:
    age, price = found["age_h"], found["usd_per_month"]
    old = "" if age is None else f", {age} h old"
    saved = "price not noted" if price is None else f"{price:.2f} USD a month"
    return f"{found['done']}: {found['kind']} {found['name']}{old}, {found['reason']}; {saved}"
