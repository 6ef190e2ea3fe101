"""What has outlived its time: found, judged and removed, what costs by the hour first."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from musher import names
from musher.hooks import inventory, lost, machines, notebooks, stored
from musher.hooks.alarms import remove_alarms
from musher.hooks.autoscaling import stop_scaling
from musher.hooks.connection import (
    autoscaling_hook,
    cloudwatch_hook,
    ec2_hook,
    lambda_hook,
    logs_hook,
    s3_hook,
    sagemaker_hook,
)
from musher.hooks.endpoints import remove_endpoint
from musher.hooks.function_scaling import stop_scaling_function
from musher.hooks.functions import remove_function
from musher.hooks.inventory import Listed
from musher.hooks.log_groups import remove_log_group
from musher.payloads.alarms import alarm_names
from musher.payloads.autoscaling import scaling_alarms
from musher.payloads.expiry import Resource, dearest_first, monthly_price, reason_to_remove
from musher.results import Reaped
from musher.settings import Settings
from musher.stages.removal import check_account

logger = logging.getLogger(__name__)

REMOVED, WOULD, FAILED = "removed", "would be removed", "failed"
KEPT, GONE = "kept, as its tags have changed", "gone or ended by itself"


Remove = Callable[[str], object]
"""Stops or removes one by its name, and says whether there was one."""


@dataclass(frozen=True, kw_only=True)
class Wave:
    """Resources that are listed, judged and removed before those of the next wave are listed."""

    what: str
    find: Callable[[], Iterable[Listed]]
    removers: Mapping[str, Remove]
    """By kind."""
    find_needed: Callable[[], set[str]] = field(default=set)


class Reaper:
    """Go through all waves once; one failure, to list or to remove, stops nothing else."""

    def __init__(self, settings: Settings, *, now: datetime, is_dry: bool) -> None:
        """Take the moment that times are held against; a dry reaper changes nothing."""
        self.settings, self.now, self.is_dry = settings, now, is_dry
        self.sagemaker, self.functions = sagemaker_hook(settings), lambda_hook(settings)
        self.ec2 = ec2_hook(settings)
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
            for listed, resource, reason in found:
                self._reap(wave, listed, resource, reason)

    def _fail(self, message: str) -> None:
        logger.error("%s", message)
        self.failures.append(message)

    def waves(self) -> list[Wave]:
        """Return what costs by the hour, then what that used (configurations before models), then storage."""
        return [*self._machines(), *self._versions(), *self._storage()]

    def _machines(self) -> list[Wave]:
        hook, prefix, settings = self.sagemaker, self.prefix, self.settings
        remove_notebook = partial(
            notebooks.remove_notebook, hook, project=settings.project, delay_s=settings.poll_interval_s
        )
        return [
            Wave(
                what="instances",
                find=partial(machines.list_instances, self.ec2, settings),
                removers={machines.INSTANCE: self.ec2.terminate},
            ),
            *(
                Wave(
                    what=f"{kind}s",
                    find=partial(inventory.list_jobs, hook, kind=kind, prefix=prefix),
                    removers={kind: stop},
                )
                for kind, stop in inventory.job_stoppers(hook).items()
            ),
            Wave(
                what="endpoints",
                find=partial(inventory.list_endpoints, hook, prefix=prefix),
                removers={inventory.ENDPOINT: self._remove_endpoint},
            ),
            Wave(
                what="notebook instances",
                find=partial(machines.list_notebooks, hook, prefix=prefix),
                removers={machines.NOTEBOOK: lambda name: remove_notebook(name=name)},
            ),
            Wave(
                what="functions",
                find=partial(inventory.list_functions, self.functions, prefix=prefix),
                removers={inventory.FUNCTION: self._remove_function},
            ),
        ]

    def _versions(self) -> list[Wave]:
        hook, prefix = self.sagemaker, self.prefix
        listing = partial(inventory.list_versions, hook, prefix=prefix)
        delete_config, delete_model = hook.conn.delete_endpoint_config, hook.conn.delete_model
        return [
            Wave(
                what="endpoint configurations",
                find=partial(listing, kind=inventory.CONFIG),
                removers={inventory.CONFIG: lambda name: delete_config(EndpointConfigName=name)},
                find_needed=partial(inventory.configs_in_use, hook, prefix=prefix, gone=self.gone),
            ),
            Wave(
                what="models",
                find=partial(listing, kind=inventory.MODEL),
                removers={inventory.MODEL: lambda name: delete_model(ModelName=name)},
                find_needed=partial(inventory.models_in_use, hook, prefix=prefix, gone=self.gone),
            ),
        ]

    def _storage(self) -> list[Wave]:
        """Return what is left of what has gone, and what keeps data."""
        settings, ec2, s3 = self.settings, self.ec2.conn, s3_hook(self.settings).get_conn()
        logs = logs_hook(settings)
        return [
            *self._lost(),
            Wave(
                what="volumes",
                find=partial(machines.list_volumes, ec2, settings),
                removers={machines.VOLUME: partial(machines.delete_volume, ec2)},
            ),
            Wave(
                what="lifecycle configurations",
                find=partial(machines.list_lifecycle_configs, self.sagemaker, prefix=self.prefix),
                removers={
                    machines.LIFECYCLE: lambda name: notebooks.remove_lifecycle_config(
                        self.sagemaker, name=name, project=settings.project
                    )
                },
                find_needed=partial(
                    machines.lifecycle_configs_in_use, self.sagemaker, prefix=self.prefix, gone=self.gone
                ),
            ),
            Wave(
                what="log groups",
                find=partial(stored.list_log_groups, logs, settings),
                removers={stored.LOG_GROUP: lambda name: remove_log_group(logs, group=name)},
            ),
            Wave(
                what="unfinished uploads",
                find=partial(stored.list_uploads, s3, settings),
                removers={stored.UPLOAD: partial(stored.abort_upload, s3, settings)},
            ),
            Wave(
                what="reports",
                find=partial(stored.list_reports, s3, settings),
                removers={stored.REPORT: partial(stored.delete_report, s3, settings)},
            ),
        ]

    def _lost(self) -> list[Wave]:
        """Return what an endpoint or a function that is gone has left, targets first: alarms go with them."""
        settings = self.settings
        scaler, alarms = autoscaling_hook(settings), cloudwatch_hook(settings)
        return [
            Wave(
                what="scalable targets",
                find=partial(lost.list_lost_targets, self.sagemaker, scaler, settings),
                removers={lost.SCALABLE_TARGET: self._remove_scaling},
            ),
            Wave(
                what="alarms",
                find=partial(lost.list_lost_alarms, self.sagemaker, self.functions, alarms, settings),
                removers={lost.ALARM: lambda name: remove_alarms(alarms, names=[name])},
            ),
        ]

    @property
    def prefix(self) -> str:
        """What the project's names begin with."""
        return f"{self.settings.project}-"

    def _judge(self, wave: Wave) -> list[tuple[Listed, Resource, str]]:
        """Return what of a wave is to be removed, and why, the dearest first."""
        found = sorted(self._read(wave), key=lambda pair: dearest_first(pair[1]))
        needed = wave.find_needed() if found else set()
        judged = [(listed, resource, self._reason(resource, needed=needed)) for listed, resource in found]
        return [(listed, resource, reason) for listed, resource, reason in judged if reason is not None]

    def _read(self, wave: Wave) -> Iterator[tuple[Listed, Resource]]:
        """Give all of a wave with its tags; what cannot be read is a failure of its own."""
        for listed in self._list(wave):
            check_account(self.settings, arn=listed.arn)
            try:
                resource = listed.read()
            except Exception as error:  # noqa: BLE001  # whatever it is, the others must be tried
                self.tried += 1
                self._fail(f"{listed.kind} {listed.name}: not looked at: {error}")
            else:
                if resource is not None:
                    yield listed, resource

    def _list(self, wave: Wave) -> Iterator[Listed]:
        """Give what a wave's list names; one that breaks off is a failure, and what it has named counts."""
        try:
            yield from wave.find()
        except Exception as error:  # noqa: BLE001  # whatever it is, what costs and is known must be tried
            self._fail(f"{wave.what}: not listed to the end: {error}")

    def _reason(self, resource: Resource, *, needed: Iterable[str] = ()) -> str | None:
        return reason_to_remove(
            resource, project=self.settings.project, now=self.now, needed=frozenset(needed)
        )

    def _reap(self, wave: Wave, listed: Listed, resource: Resource, reason: str) -> None:
        remover = wave.removers[resource.kind]
        done = WOULD if self.is_dry else self._try_to_remove(listed, resource, remover)
        if done in (REMOVED, WOULD, GONE):
            self.gone[resource.kind].add(resource.name)
        self._note(resource, reason, done=done)

    def _try_to_remove(self, listed: Listed, resource: Resource, remove: Remove) -> str:
        self.tried += 1
        try:
            return self._remove(listed, resource, remove)
        except Exception as error:  # noqa: BLE001  # whatever it is, the others must be tried
            self._fail(f"{resource.kind} {resource.name}: {error}")
            return FAILED

    def _remove(self, listed: Listed, resource: Resource, remove: Remove) -> str:
        """Remove one, once its tags have been read again; return what became of it."""
        tags = listed.read_tags()
        if tags is None:
            return GONE
        if self._reason(replace(resource, tags=tags)) is None:
            logger.warning("%s %s: kept: its tags have changed meanwhile", resource.kind, resource.name)
            return KEPT
        return REMOVED if remove(resource.name) else GONE

    def _remove_endpoint(self, name: str) -> bool:
        """End the scaling and the alarms of an endpoint first: without it, nothing would lead to them."""
        self._remove_scaling(name)
        return remove_endpoint(self.sagemaker, name=name, delay_s=self.settings.poll_interval_s)

    def _remove_scaling(self, endpoint_name: str) -> bool:
        """End the scaling and the alarms of an endpoint; return whether it scaled."""
        settings = self.settings
        has_scaled = stop_scaling(autoscaling_hook(settings), endpoint_name=endpoint_name)
        is_live = endpoint_name == names.live_endpoint(settings)
        alarms = alarm_names(settings) if is_live else scaling_alarms(endpoint_name)
        remove_alarms(cloudwatch_hook(settings), names=alarms)
        return has_scaled

    def _remove_function(self, name: str) -> bool:
        """Remove a function's scaling and alarms first; its concurrency goes with the function."""
        stop_scaling_function(autoscaling_hook(self.settings), name=name)
        remove_alarms(cloudwatch_hook(self.settings), names=names.function_alarms(name))
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
