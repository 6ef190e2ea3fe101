"""The capacities that are scaled: what there is, what was asked for, and how to ask for another.

moto's backends hold the resources; each capacity finds its own at every call, as it may have gone.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from moto.core.exceptions import JsonRESTError, ServiceException

from localaws.autoscaling.errors import InvalidError
from localaws.autoscaling.spec import INSTANCE_COUNT, Place
from localaws.autoscaling.validation import UNSCALED
from localaws.errors import LocalAwsError
from localaws.functions.arns import LATEST, Target
from localaws.functions.lookup import backend_of
from localaws.sagemaker.endpoints import states

MAX_INSTANCES = 32
"""Instances to which a variant is scaled out at most; AWS's quotas depend on the account and the type."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One look at a capacity."""

    current: int
    desired: int
    is_busy: bool = False
    """Whether the resource takes no change now."""
    failure: str = ""
    """Why there is not what was asked for, where that is certain."""


class Capacity(Protocol):
    """A number that can be changed."""

    def least(self) -> int:
        """Return the lowest number that it may have."""
        ...

    def read(self) -> Reading | None:
        """Return what there is; None where the resource is gone."""
        ...

    def ask_for(self, count: int) -> None:
        """Ask the service for another number; raises what the service answers."""
        ...


@dataclass(frozen=True, kw_only=True)
class InstanceCount:
    """The instances of a variant of an endpoint."""

    account_id: str
    region: str
    endpoint: str
    variant: str

    def _backend(self) -> Any:
        from moto.sagemaker import models  # read at the start of localaws

        return models.sagemaker_backends[self.account_id][self.region]

    def least(self) -> int:
        """Return 0 for an asynchronous endpoint, 1 for others."""
        return int(self._backend().least_instances(self.endpoint))

    def read(self) -> Reading | None:
        """Return the instance counts of DescribeEndpoint."""
        endpoint = self._backend().endpoints.get(self.endpoint)
        variants = [] if endpoint is None else endpoint.production_variants
        for variant in variants:
            if variant["VariantName"] == self.variant and "DesiredInstanceCount" in variant:
                current, desired = variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]
                is_busy = endpoint.endpoint_status != states.IN_SERVICE
                failure = "" if is_busy else endpoint.failure_reason or ""
                return Reading(current=current, desired=desired, is_busy=is_busy, failure=failure)
        return None

    def ask_for(self, count: int) -> None:
        """Start or stop instances; the endpoint is Updating meanwhile."""
        if count > MAX_INSTANCES:
            raise LocalAwsError(
                f"The account-level service limit for endpoint usage is {MAX_INSTANCES} Instances here, "
                f"where each is a process; {count} were asked for."
            )
        self._backend().set_instance_count(self.endpoint, variant=self.variant, count=count)


@dataclass(frozen=True, kw_only=True)
class ProvisionedConcurrency:
    """The provisioned concurrency of an alias or version of a function."""

    target: Target

    def least(self) -> int:
        """Return 0: nothing need be provisioned."""
        return 0

    def read(self) -> Reading | None:
        """Return what GetProvisionedConcurrencyConfig tells."""
        try:
            function = backend_of(self.target).local(self.target.name, self.target.qualifier)
        except (ServiceException, JsonRESTError):
            return None
        config = function.settings.provisioned.get(str(self.target.qualifier))
        if config is None:
            return Reading(current=0, desired=0)
        failure = config.reason or "" if config.status == "FAILED" else ""
        return Reading(current=config.allocated, desired=config.requested, failure=failure)

    def ask_for(self, count: int) -> None:
        """Provision, or provision no more."""
        backend = backend_of(self.target)
        if count:
            backend.put_provisioned(self.target.name, self.target.qualifier, count)
        else:
            backend.delete_provisioned(self.target.name, self.target.qualifier)


def capacity_of(place: Place, *, account_id: str, region: str) -> Capacity:
    """Return the capacity that a place names. Raises InvalidError for a name of another form."""
    if place.dimension == INSTANCE_COUNT:
        parts = place.resource_id.split("/")
        if len(parts) != 4 or (parts[0], parts[2]) != ("endpoint", "variant") or not all(parts):
            raise InvalidError(UNSCALED)
        return InstanceCount(account_id=account_id, region=region, endpoint=parts[1], variant=parts[3])
    parts = place.resource_id.split(":")
    if len(parts) != 3 or parts[0] != "function" or not all(parts) or parts[2] == LATEST:
        raise InvalidError(UNSCALED)
    target = Target(account_id=account_id, region=region, name=parts[1], qualifier=parts[2])
    return ProvisionedConcurrency(target=target)


def find_capacity(place: Place, *, account_id: str, region: str) -> Capacity:
    """Return the capacity of a resource that is there. Raises InvalidError."""
    found = capacity_of(place, account_id=account_id, region=region)
    if found.read() is None:
        what = "SageMaker endpoint variant" if place.dimension == INSTANCE_COUNT else "Lambda function"
        raise InvalidError(f"{what} doesn't exist: {place.resource_id}")
    return found
