"""Carry a deployment out, or back: the instances of both fleets, and the traffic between them."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from localaws.errors import LocalAwsError
from localaws.sagemaker.endpoints.deployments.schedule import (
    Counts,
    Progress,
    Sight,
    Stage,
    advance,
    plan_rollback,
    plan_stages,
)
from localaws.sagemaker.endpoints.deployments.spec import Deployment
from localaws.sagemaker.endpoints.deployments.split import SplitFleet, cut, sizes
from localaws.sagemaker.endpoints.deployments.states import ENDS, Phase
from localaws.sagemaker.endpoints.fleet import Fleet, build_fleet
from localaws.sagemaker.endpoints.instance import Instance
from localaws.sagemaker.endpoints.plan import VariantPlan
from localaws.sagemaker.endpoints.wording import bounded

logger = logging.getLogger(__name__)


class AbandonedError(LocalAwsError):
    """localaws stops, or the endpoint was thrown away: leave what is under way."""


class Host(Protocol):
    """The endpoint whose fleet is replaced. Times are AWS seconds."""

    fleet: Fleet
    """What gets the traffic."""

    @property
    def name(self) -> str:
        """The endpoint's name."""
        ...

    def new_instance(self, plan: VariantPlan) -> Instance:
        """Make an instance that is not started yet."""
        ...

    def now_s(self) -> float:
        """Return the time."""
        ...

    def pause(self) -> None:
        """Wait a moment; raises where the endpoint goes away."""
        ...

    def retire(self, instances: Sequence[Instance]) -> None:
        """Let instances finish their requests, and stop them."""
        ...

    def tripped(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return which of the alarms take a deployment back now."""
        ...

    def show(self, phase: Phase, *, stage: Stage, blue: Fleet) -> None:
        """Let DescribeEndpoint say where the deployment is."""
        ...


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a deployment ended."""

    is_new: bool
    """Whether the new fleet has taken over."""
    reason: str | None = None
    """Why not, unless an alarm said so."""
    alarms: tuple[str, ...] = ()
    rollback_failure: str | None = None
    """Why instances of both fleets serve now: the old one did not come up again."""


class Rollout:
    """One deployment; lives on the endpoint's thread."""

    def __init__(
        self, host: Host, *, deployment: Deployment, plans: Sequence[VariantPlan], begun_s: float
    ) -> None:
        self._host = host
        self._deployment = deployment
        self._blue = self._whole_blue = host.fleet
        self._green = build_fleet(plans, new_instance=host.new_instance)
        self._started: set[Instance] = set()
        self._stages = plan_stages(deployment, blue=sizes(self._blue), green=sizes(self._green))
        limit_s = deployment.timeout_s
        self._deadline_s = None if limit_s is None else begun_s + limit_s

    def run(self, *, on_rolling_back: Callable[[Outcome], None]) -> Outcome:
        """Deploy; `on_rolling_back` is told why before the way back begins."""
        try:
            progress = self._go()
            if progress.phase is Phase.DONE:
                return Outcome(is_new=True)
            outcome = Outcome(is_new=False, reason=progress.reason, alarms=progress.alarms)
            on_rolling_back(outcome)
            return self._come_back(outcome)
        except BaseException:
            self._host.fleet = self._everything()  # whoever ends the endpoint ends both fleets
            raise

    def _everything(self) -> Fleet:
        """Return both fleets as one, each with traffic by its size."""
        green, blue = self._started_green(), self._blue
        total = {name: len(v.instances) + sizes(blue).get(name, 0) for name, v in green.variants.items()}
        share = {name: len(v.instances) / max(total[name], 1) for name, v in green.variants.items()}
        return SplitFleet(variants=blue.variants, green=green.variants, share=share)

    def _go(self) -> Progress:
        try:
            return self._advance_to_an_end()
        except AbandonedError:
            raise
        except Exception as error:  # whatever goes wrong takes the deployment back
            logger.exception("endpoint %s: the deployment failed", self._host.name)
            reason = bounded(f"localaws could not deploy the model: {type(error).__name__}: {error}")
            return Progress(phase=Phase.ROLLING_BACK, since_s=self._host.now_s(), reason=reason)

    def _advance_to_an_end(self) -> Progress:
        progress = Progress(since_s=self._host.now_s())
        failure = self._enter(progress)
        while progress.phase not in ENDS:
            self._host.pause()
            self._watch()
            sight = self._look(progress, failure)
            after = advance(progress, sight, stages=self._stages, deadline_s=self._deadline_s)
            if after is not progress and after.phase not in ENDS:
                failure = self._enter(after)
            progress = after
        return progress

    def _look(self, progress: Progress, failure: str | None) -> Sight:
        """Return what is seen in a phase."""
        stage = self._stages[progress.stage]
        awaited = cut(self._green, stage.green).instances() if progress.phase is Phase.CREATING else []
        failures = [instance.failure for instance in awaited if instance.failure is not None]
        return Sight(
            now_s=self._host.now_s(),
            is_ready=all(instance.is_healthy for instance in awaited),
            failure=failure or (failures[0] if failures else None),
            alarming=self._host.tripped(self._deployment.alarms),
        )

    def _watch(self) -> None:
        for instance in {*self._blue.instances(), *self._started}:
            instance.step()

    def _enter(self, progress: Progress) -> str | None:
        """Do what a phase begins with; return why the new fleet does not even start, or None."""
        stage = self._stages[progress.stage]
        if self._has_work(progress.phase, stage):
            self._host.show(progress.phase, stage=stage, blue=self._blue)
        if progress.phase is Phase.CREATING:
            return self._start(cut(self._green, stage.green))
        if progress.phase is Phase.ACTIVATING:
            self._turn_to(stage)
        if progress.phase is Phase.DELETING:
            self._shrink_blue(stage.blue)
        return None

    def _has_work(self, phase: Phase, stage: Stage) -> bool:
        if phase is Phase.CREATING:
            return not self._started.issuperset(cut(self._green, stage.green).instances())
        if phase is Phase.DELETING:
            return sizes(self._blue) != dict(stage.blue)
        return phase is not Phase.BAKING or stage.bake_s > 0

    def _start(self, fleet: Fleet) -> str | None:
        for instance in fleet.instances():
            if instance not in self._started:
                try:
                    instance.start()
                except LocalAwsError as error:
                    return bounded(str(error))
                self._started.add(instance)
        return None

    def _turn_to(self, stage: Stage) -> None:
        """Give the new fleet its share of the traffic."""
        if stage.share and stage.is_full:
            self._host.fleet = self._green
            return
        active = cut(self._green, stage.active)
        self._host.fleet = SplitFleet(variants=self._blue.variants, green=active.variants, share=stage.share)

    def _shrink_blue(self, counts: Counts) -> None:
        """End the instances of the old fleet that are not needed any more."""
        before, self._blue = self._blue, cut(self._blue, counts) if counts else Fleet(variants={})
        fleet = self._host.fleet
        if isinstance(fleet, SplitFleet):
            self._host.fleet = SplitFleet(variants=self._blue.variants, green=fleet.green, share=fleet.share)
        kept = set(self._blue.instances())
        self._host.retire([instance for instance in before.instances() if instance not in kept])

    def _come_back(self, outcome: Outcome) -> Outcome:
        try:
            return self._go_back(outcome)
        except AbandonedError:
            raise
        except Exception as error:  # the endpoint must stay watched, and be told of
            logger.exception("endpoint %s: the rollback failed", self._host.name)
            self._host.fleet = self._everything()
            failure = bounded(f"localaws could not roll back: {type(error).__name__}: {error}")
            return replace(outcome, rollback_failure=failure)

    def _go_back(self, outcome: Outcome) -> Outcome:
        """Bring the old fleet back; where it does not come up, instances of both stay."""
        stages = plan_rollback(
            self._deployment,
            blue=sizes(self._whole_blue),
            left=sizes(self._blue),
            green=sizes(self._started_green()),
        )
        for stage in stages:
            failure = self._grow_blue(stage.blue)
            if failure is not None:
                self._host.fleet = self._everything()
                return replace(outcome, rollback_failure=failure)
            self._turn_back(stage)
        return outcome

    def _started_green(self) -> Fleet:
        return Fleet(
            variants={
                name: replace(variant, instances=tuple(i for i in variant.instances if i in self._started))
                for name, variant in self._green.variants.items()
            }
        )

    def _grow_blue(self, counts: Counts) -> str | None:
        """Start what the old fleet lacks; return why that fails, or None."""
        left = self._blue if self._blue.variants else cut(self._whole_blue, {})
        grown = left.resized(counts=counts, weights={}, new_instance=self._host.new_instance)
        known = set(left.instances())
        added = [instance for instance in grown.instances() if instance not in known]
        failure = self._bring_up(added)
        if failure is not None:
            self._host.retire(added)
            return failure
        self._blue = grown
        self._started |= known - set(grown.instances())  # left by an earlier rollback that failed
        return None

    def _bring_up(self, added: Sequence[Instance]) -> str | None:
        try:
            for instance in added:
                instance.start()
            while not all(instance.is_healthy for instance in added):
                self._host.pause()
                self._watch()
                for instance in added:
                    instance.step()
                    if instance.failure is not None:
                        return instance.failure
        except LocalAwsError as error:
            self._host.retire(added)
            if isinstance(error, AbandonedError):
                raise
            return bounded(str(error))
        return None

    def _turn_back(self, stage: Stage) -> None:
        """Give the old fleet what a stage of the way back leaves it, and end what is left over."""
        is_last = not any(stage.green.values())
        kept = Fleet(variants={}) if is_last else cut(self._started_green(), stage.green)
        if not is_last:
            self._host.fleet = SplitFleet(
                variants=self._blue.variants, green=kept.variants, share=stage.share
            )
        else:
            self._host.fleet = Fleet(variants=self._blue.variants)
        surplus = self._started - set(kept.instances())
        self._started -= surplus
        self._host.retire(list(surplus))
