"""Keep as many environments started as are provisioned."""

import asyncio
import logging

from moto.awslambda.exceptions import LambdaClientError

from localaws.errors import ChildStartError
from localaws.functions.arns import Target
from localaws.functions.concurrency.provisioned import INIT_FAILURE, Provisioned
from localaws.functions.errors import ServiceError
from localaws.functions.host import FunctionHost
from localaws.functions.lookup import backend_of, backends
from localaws.functions.spec import EnvironmentSpec, provisioned

logger = logging.getLogger(__name__)


class Provisioner:
    """One task for each version or alias that is being provisioned. Used from the event loop only."""

    def __init__(self, host: FunctionHost) -> None:
        self._host = host
        self._tasks: dict[Target, asyncio.Task[None]] = {}

    def provision(self, target: Target) -> None:
        """Start what is missing, in the background; what runs for the same name begins anew."""
        self._give_up_what_is_gone()
        known = self._tasks.pop(target, None)
        if known is not None:
            known.cancel()
        task = asyncio.get_running_loop().create_task(self._provision(target))
        self._tasks[target] = task
        task.add_done_callback(lambda done: self._forget(target, done))

    def refill(self) -> None:
        """Start again what has died, as it was provisioned too, or has become too old to be kept.

        What is not asked for now is given up.
        """
        self._give_up_what_is_gone()
        for backend in backends():
            for target, config in backend.all_provisioned():
                is_left = config.status == "IN_PROGRESS" and target not in self._tasks
                if (is_left or config.status == "READY") and self._is_short(target, config):
                    config.ask_for(config.requested, last_modified=config.last_modified)
                    self.provision(target)

    def _give_up_what_is_gone(self) -> None:
        """Start no more for what was deleted: its version may be provisioned by another name meanwhile."""
        for target, task in self._tasks.items():
            if not is_asked_for(target):
                task.cancel()

    def _is_short(self, target: Target, config: Provisioned) -> bool:
        """Tell whether there are fewer environments than were asked for."""
        try:
            function = backend_of(target).local(target.name, target.qualifier)
            return self._host.pool.count(provisioned(function.environment_spec())) < config.requested
        except LambdaClientError:
            return False

    def _forget(self, target: Target, task: "asyncio.Task[None]") -> None:
        if self._tasks.get(target) is task:
            del self._tasks[target]

    async def _provision(self, target: Target) -> None:
        backend = backend_of(target)
        try:
            function = backend.local(target.name, target.qualifier)
            config = function.settings.provisioned.get(str(target.qualifier))
            if config is not None:
                await self._fill(config, provisioned(function.environment_spec()))
        except (LambdaClientError, ChildStartError) as error:
            logger.warning("%s is not provisioned: %s", target.arn(), error)

    async def _fill(self, config: Provisioned, spec: EnvironmentSpec) -> None:
        """Start environments until there are as many as were asked for, or one fails."""
        pool = self._host.pool
        pool.trim(spec, keep=config.requested)
        config.note(pool.count(spec))
        missing = config.requested - pool.count(spec)
        runtime = await self._host.runtime()
        starts = [asyncio.ensure_future(pool.start_ahead(spec=spec, runtime=runtime)) for _ in range(missing)]
        try:
            for start in asyncio.as_completed(starts):
                if not await start:
                    raise ServiceError("an environment did not come up")
                config.note(pool.count(spec))
            pool.trim(spec, keep=config.requested)  # what was given up may have come up at the last moment
        except (ServiceError, ChildStartError):
            config.fail(INIT_FAILURE)
            pool.trim(spec, keep=0)
        finally:
            for pending in starts:
                pending.cancel()

    async def close(self) -> None:
        """Give up what is being started."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def is_asked_for(target: Target) -> bool:
    """Tell whether a version or alias is provisioned, by what is set now."""
    try:
        return target.qualifier in backend_of(target).local(target.name).settings.provisioned
    except LambdaClientError:
        return False
