"""What has outlived its time: found, judged and removed, what costs by the hour first."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from musher.hooks.inventory import Listed
from musher.hooks.sagemaker import found_or_none
from musher.payloads.alarms import alarm_names
from musher.payloads.autoscaling import scaling_alarms
from musher.payloads.expiry import Resource, dearest_first, monthly_price, reason_to_remove
from musher.results import Reaped
from musher.settings import Settings
from musher.stages.removal import check_account

logger = logging.getLogger(__name__)

REMOVED, WOULD, FAILED = "removed", "would be removed", "failed"
KEPT, GONE = "kept, as its tags have changed", "gone or ended by itself"


@dataclass(frozen=True, kw_only=True)
class Wave:
    """Resources that are listed, judged and removed before those of the next wave are listed."""

    what: str
    find: Callable[[], Iterable[Listed]]
    find_needed: Callable[[], set[str]] = field(default=set)


class Reaper:
    """Go through all waves once; one failure, to list or to remove, stops nothing else."""

    def __init__(self, settings: Settings, *, now: datetime, is_dry: bool) -> None:
        """Take the moment that times are held against; a dry reaper changes nothing."""
        self.settings, self.now, self.is_dry = settings, now, is_dry
        self.sagemaker, self.functions = sagemaker_hook(settings), lambda_hook(settings)
        self.gone: defaultdict[str, set[str]] = defaultdict(set)
        """Kind -> names that count as removed: in a dry run, those that would be. A run's endpoint and its
        function have the same name."""
        self.reaped: list[Reaped] = []
        self.failures: list[str] = []
        self.tried = 0
        """Removals and lists, and what could not be looked at."""

    def run(self) -> None:
        """Fill `reaped` and `failures`."""
        for wave in self.waves():
            self.tried += 1
            try:
                found = self._judge(wave)
            except Exception as error:  # noqa: BLE001  # whatever it is, the others must be tried
                self._fail(f"{wave.what}: not listed: {error}")
                continue
            for resource, reason in found:
                self._reap(resource, reason)

    def _fail(self, message: str) -> None:
        logger.error("%s", message)
        self.failures.append(message)

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
                find_needed=partial(inventory.configs_in_use, hook, prefix=prefix, gone=self.gone),
            ),
            Wave(
                what="models",
                find=partial(listing, kind=inventory.MODEL),
                find_needed=partial(inventory.models_in_use, hook, prefix=prefix, gone=self.gone),
            ),
        ]

    def _judge(self, wave: Wave) -> list[tuple[Resource, str]]:
        """Return what of a wave is to be removed, and why, the dearest first."""
        found = sorted(self._read(wave), key=dearest_first)
        needed = wave.find_needed() if found else set()
        judged = [(resource, self._reason(resource, needed=needed)) for resource in found]
        return [(resource, reason) for resource, reason in judged if reason is not None]

    def _read(self, wave: Wave) -> Iterator[Resource]:
        """Give all of a wave with its tags; what cannot be read is a failure of its own."""
        for listed in wave.find():
            check_account(self.settings, arn=listed.arn)
            try:
                resource = listed.read()
            except Exception as error:  # noqa: BLE001  # whatever it is, the others must be tried
                self.tried += 1
                self._fail(f"{listed.kind} {listed.name}: not looked at: {error}")
            else:
                if resource is not None:
                    yield resource

    def _reason(self, resource: Resource, *, needed: Iterable[str] = ()) -> str | None:
        return reason_to_remove(
            resource, project=self.settings.project, now=self.now, needed=frozenset(needed)
        )

    def _reap(self, resource: Resource, reason: str) -> None:
        done = WOULD if self.is_dry else self._try_to_remove(resource)
        if done in (REMOVED, WOULD, GONE):
            self.gone[resource.kind].add(resource.name)
        self._note(resource, reason, done=done)

    def _try_to_remove(self, resource: Resource) -> str:
        self.tried += 1
        try:
            return self._remove(resource)
        except Exception as error:  # noqa: BLE001  # whatever it is, the others must be tried
            self._fail(f"{resource.kind} {resource.name}: {error}")
            return FAILED

    def _remove(self, resource: Resource) -> str:
        """Remove one, once its tags have been read again; return what became of it."""
        hook = self.functions if resource.kind == inventory.FUNCTION else self.sagemaker
        tags = inventory.read_tags(hook, arn=resource.arn)
        if tags is None:
            return GONE
        if self._reason(replace(resource, tags=tags)) is None:
            logger.warning("%s %s: kept: its tags have changed meanwhile", resource.kind, resource.name)
            return KEPT
        return REMOVED if self._removers()[resource.kind](resource.name) else GONE

    def _removers(self) -> Mapping[str, Callable[[str], object]]:
        """Return kind -> what stops or removes one by its name, and says whether there was one.

        A job is stopped by its own name: its later attempts have tags of their own.
        """
        aws = self.sagemaker.conn
        return {
            inventory.ENDPOINT: self._remove_endpoint,
            inventory.FUNCTION: self._remove_function,
            inventory.TRAINING: lambda name: found_or_none(aws.stop_training_job, TrainingJobName=name),
            inventory.TUNING: lambda name: found_or_none(
                aws.stop_hyper_parameter_tuning_job, HyperParameterTuningJobName=name
            ),
            inventory.TRANSFORM: lambda name: found_or_none(aws.stop_transform_job, TransformJobName=name),
            inventory.PROCESSING: lambda name: found_or_none(aws.stop_processing_job, ProcessingJobName=name),
            inventory.CONFIG: lambda name: aws.delete_endpoint_config(EndpointConfigName=name),
            inventory.MODEL: lambda name: aws.delete_model(ModelName=name),
        }

    def _remove_endpoint(self, name: str) -> bool:
        """End the scaling and the alarms of an endpoint first: without it, nothing would lead to them."""
        settings = self.settings
        is_live = name == names.live_endpoint(settings)
        stop_scaling(autoscaling_hook(settings), endpoint_name=name)
        alarms = alarm_names(settings) if is_live else scaling_alarms(name)
        remove_alarms(cloudwatch_hook(settings), names=alarms)
        return remove_endpoint(self.sagemaker, name=name, delay_s=settings.poll_interval_s)

    def _remove_function(self, name: str) -> bool:
        """Remove a function's alarm first; what is reserved and provisioned goes with the function."""
        remove_alarms(cloudwatch_hook(self.settings), names=[names.function_alarm(name)])
        return remove_function(self.functions, name=name)

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
