"""Hold what a request needs against the policies that there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from localaws.iam import evaluation
from localaws.iam.enforcement.authentication import Flaw, Identified
from localaws.iam.enforcement.modes import Mode
from localaws.iam.enforcement.principals import find_documents, select
from localaws.iam.enforcement.recorder import Recorder
from localaws.iam.enforcement.request_facts import CallerFacts, Value, read_caller_facts
from localaws.iam.enforcement.resource_policies import NONE, find_policy
from localaws.iam.evaluation import Caller, Policies, Verdict, evaluate
from localaws.iam.needs.need import Need


@dataclass(frozen=True, kw_only=True)
class Denial:
    """What is needed and not allowed, and why, in AWS's words."""

    need: Need
    because: str
    is_explicit: bool
    """Whether a Deny says so."""


class Guard:
    """Tell what is allowed, and write down what was asked for, where somebody wants to know."""

    def __init__(self, mode: Mode, *, recorder: Recorder | None = None) -> None:
        self._recorder = recorder
        self.is_enforcing = mode is Mode.ENFORCE
        """Whether what is not allowed is denied."""

    def find_denial(
        self, needs: Sequence[Need], identified: Identified, *, address: str, flaw: Flaw | None = None
    ) -> Denial | None:
        """Return the first thing that is needed and not allowed; None where all is.

        `flaw` is what is wrong with who asks, where that is only to be written down.
        """
        first: Denial | None = None
        own = read_caller_facts(identified, address=address)
        for need in needs:
            context = dict(need.facts) if self._recorder else {}  # before policies ask for more
            verdict = judge(need, identified, CallerFacts(own, need.facts))
            because = "" if verdict.is_allowed else verdict.because.format(action=need.action)
            if flaw is not None:
                because = f"because {flaw.value}"
            self.note(
                identified, action=need.action, resource=need.resource, context=context, because=because
            )
            if because and first is None:
                first = Denial(need=need, because=because, is_explicit=verdict.is_explicit)
        return first

    def note(
        self,
        identified: Identified,
        *,
        action: str,
        resource: str,
        because: str,
        context: Mapping[str, Value] | None = None,
    ) -> None:
        """Write down one thing that was asked for."""
        if self._recorder is not None:
            self._recorder.note(
                principal=identified.name,
                action=action,
                resource=resource,
                context=context or {},
                because=because,
            )


def judge(need: Need, identified: Identified, facts: Mapping[str, Value]) -> Verdict:
    """Return whether all policies together allow one thing that is needed."""
    documents, action = find_documents(identified), need.action
    arn = need.resource_policy_of
    policy = NONE if arn is None else find_policy(arn, action=action)
    caller = identified.principal.as_caller() if identified.principal else Caller()
    asked = evaluation.Asked(action=action, resource=need.resource, account_id=need.account_id, facts=facts)
    policies = Policies(
        identity=select(documents.identity, action),
        boundary=None if documents.boundary is None else select(documents.boundary, action),
        session=None if documents.session is None else select(documents.session, action),
        resource=policy.statements,
        is_trust=policy.is_trust,
    )
    return evaluate(caller, asked, policies)
