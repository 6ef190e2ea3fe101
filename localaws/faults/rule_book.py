"""The rules of one localaws, what they have counted, and what has fired."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

from localaws.errors import FaultRuleError
from localaws.faults.asked import Asked
from localaws.faults.memory import Memory
from localaws.faults.rates import Buckets
from localaws.faults.spec import WITHOUT_CALLS, Effect, Kill, Rate, Rule, SpotInterruption, StaleRead
from localaws.faults.validation import MAX_RULES

MAX_EVENTS = 1000
"""Events that are kept, the newest."""
RATE = "api_limit"
"""What stands in an event's `kind` where no rule fired, but a rate was exceeded."""


@dataclass(kw_only=True)
class Event:
    """One time that a rule fired, or a rate was exceeded."""

    number: int
    time: str
    """AWS's time."""
    rule: str
    kind: str
    call: int
    """Which of the rule's calls it was; 0 where there was none."""
    service: str = ""
    action: str = ""
    principal: str = ""
    outcome: str = ""
    """What came of it, once that is known."""


@dataclass(kw_only=True)
class Entry:
    """A rule and its counters."""

    rule: Rule
    calls: int = 0
    fired: int = 0

    def as_document(self) -> dict[str, Any]:
        """Return the rule as it is listed."""
        return self.rule.as_document() | {"calls": self.calls, "fired": self.fired}


class Faults:
    """The rules of one localaws. Thread-safe; calls are counted in the event loop, in the order they come."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._events: deque[Event] = deque(maxlen=MAX_EVENTS)
        self._numbers = count(1)
        self._buckets = Buckets()
        self.memory = Memory()
        """What reads were answered; for the event loop alone."""
        self.is_active = False
        """Whether calls must be looked at: the one thing that a call asks where there are no rules."""

    def add(self, rule: Rule) -> dict[str, Any]:
        """Put a rule behind the others; raises FaultRuleError for an id that is taken, or too many rules."""
        with self._lock:
            if rule.id in {entry.rule.id for entry in self._entries}:
                raise FaultRuleError(f"id is {rule.id!r}; another rule has it")
            if len(self._entries) >= MAX_RULES:
                raise FaultRuleError(f"there are {MAX_RULES} rules, which is the most; delete some first")
            self._entries.append(entry := Entry(rule=rule))
            self._note_activity()
            return entry.as_document()

    def replace(self, rules: Sequence[Rule], *, rates: Sequence[Rate] = ()) -> None:
        """Put rules and rates in the place of all that there are; everything counts from 0."""
        with self._lock:
            self._entries = [Entry(rule=rule) for rule in rules]
            self._buckets = Buckets(rates)
            self._events.clear()
            self.memory.clear()
            self._numbers = count(1)
            self._note_activity()

    def clear(self) -> int:
        """Forget all rules, rates and events; return how many rules there were."""
        found = len(self._entries)
        self.replace(())
        return found

    def remove(self, rule_id: str) -> bool:
        """Forget one rule; tell whether there was one."""
        with self._lock:
            kept = [entry for entry in self._entries if entry.rule.id != rule_id]
            is_known = len(kept) < len(self._entries)
            self._entries = kept
            self._note_activity()
        return is_known

    def _note_activity(self) -> None:
        self.is_active = bool(self._buckets.rates) or any(entry.rule.selector for entry in self._entries)

    def describe(self) -> list[dict[str, Any]]:
        """Return the rules as JSON objects, the oldest first."""
        with self._lock:
            return [entry.as_document() for entry in self._entries]

    def describe_rates(self) -> list[dict[str, Any]]:
        """Return the rates as JSON objects."""
        return [rate.as_document() for rate in self._buckets.rates]

    def describe_events(self) -> list[dict[str, Any]]:
        """Return what has fired, the oldest first."""
        with self._lock:
            return [asdict(event) for event in self._events]

    def reads_names(self, asked: Asked) -> bool:
        """Tell whether a rule asks for the names in such a request."""
        return any(
            entry.rule.selector.resource != "*" for entry in self._concerned(asked) if entry.rule.selector
        )

    def _concerned(self, asked: Asked) -> list[Entry]:
        call = asked.call
        return [
            entry
            for entry in self._entries
            if entry.rule.selector and entry.rule.selector.concerns(service=call.service, action=call.action)
        ]

    def judge(self, asked: Asked, *, now: str) -> tuple[Rule, Event] | None:
        """Count a call for all rules that concern it; return the first that fires, or None."""
        with self._lock:
            taken: tuple[Rule, Event] | None = None
            for entry in self._concerned(asked):
                assert entry.rule.selector is not None
                if not entry.rule.selector.admits(names=asked.names, principals=asked.principals):
                    continue
                entry.calls += 1
                if taken is None and entry.rule.schedule.fires(entry.calls, fired=entry.fired):
                    entry.fired += 1
                    taken = entry.rule, self._note(entry, now=now, asked=asked)
            return taken

    def is_read_again(self, asked: Asked) -> bool:
        """Tell whether a rule may answer such a call later by what it is answered now."""
        return any(isinstance(entry.rule.effect, StaleRead) for entry in self._concerned(asked))

    def exceed(self, asked: Asked, *, now: str, now_s: float) -> Event | None:
        """Take the token of a call; return an event where the rate that concerns it has none left."""
        call = asked.call
        with self._lock:
            rate = self._buckets.take(
                account=asked.account_id if self._buckets.rates else "",
                region=asked.region,
                service=call.service,
                action=call.action,
                now_s=now_s,
            )
            if rate is None:
                return None
            event = Event(number=next(self._numbers), time=now, rule="", kind=RATE, call=0)
            event.outcome = f"more than {rate.per_s:g} a second"
            return self._keep(event, asked)

    def note_kill(self, rule: Rule, *, now: str) -> Event:
        """Keep a kill at once, which no call made."""
        with self._lock:
            event = Event(number=next(self._numbers), time=now, rule=rule.id, kind=Kill.kind, call=0)
            self._events.append(event)
            return event

    def take_interruption(
        self, *, job: str, trained_s: float, now: str, what: str = "training job"
    ) -> SpotInterruption | None:
        """Return the first rule that interrupts this job or instance now, counted as fired, or None."""
        found = self.take(
            lambda effect: (
                isinstance(effect, SpotInterruption) and effect.applies(job=job, trained_s=trained_s)
            ),
            now=now,
            outcome=f"{what} {job}",
        )
        assert found is None or isinstance(found, SpotInterruption)
        return found

    def take(self, is_meant: Callable[[Effect], bool], *, now: str, outcome: str) -> Effect | None:
        """Return the effect of the first rule without calls that is meant now, counted as fired, or None."""
        with self._lock:
            for entry in self._entries:
                if entry.rule.effect.kind not in WITHOUT_CALLS or not is_meant(entry.rule.effect):
                    continue
                if entry.rule.schedule.fires(entry.calls + 1, fired=entry.fired):
                    entry.calls += 1
                    entry.fired += 1
                    self._note(entry, now=now).outcome = outcome
                    return entry.rule.effect
        return None

    def _note(self, entry: Entry, *, now: str, asked: Asked | None = None) -> Event:
        rule = entry.rule
        event = Event(
            number=next(self._numbers), time=now, rule=rule.id, kind=rule.effect.kind, call=entry.calls
        )
        return self._keep(event, asked)

    def _keep(self, event: Event, asked: Asked | None) -> Event:
        if asked is not None:
            event.service, event.action = asked.call.service, asked.call.action
            event.principal = asked.principal.arn
        self._events.append(event)
        return event
