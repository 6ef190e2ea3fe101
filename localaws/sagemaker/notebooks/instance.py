"""A notebook instance: moto's object, in motion."""

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moto.core.utils import camelcase_to_underscores
from moto.sagemaker.models import FakeSagemakerNotebookInstance

from localaws.clock import naive_utc
from localaws.sagemaker.listing import Kind
from localaws.sagemaker.notebooks import state_changes, states
from localaws.sagemaker.notebooks.states import ASKED, FAILED, PENDING
from localaws.sagemaker.notebooks.validation import DISASSOCIATIONS
from localaws.sagemaker.notebooks.wording import MAX_REASON, wrong_state

MOTO_MEMBERS = (
    "NotebookInstanceName",
    "InstanceType",
    "RoleArn",
    "SubnetId",
    "SecurityGroupIds",
    "KmsKeyId",
    "Tags",
    "LifecycleConfigName",
    "DirectInternetAccess",
    "VolumeSizeInGB",
    "AcceleratorTypes",
    "DefaultCodeRepository",
    "AdditionalCodeRepositories",
    "RootAccess",
)
OUR_MEMBERS = ("IpAddressType", "PlatformIdentifier", "InstanceMetadataServiceConfiguration")
DEFAULTS: Mapping[str, Any] = {
    "DirectInternetAccess": "Enabled",
    "VolumeSizeInGB": 5,
    "RootAccess": "Enabled",
    "IpAddressType": "ipv4",
    "PlatformIdentifier": "notebook-al2023-v1",
    "InstanceMetadataServiceConfiguration": {"MinimumInstanceMetadataServiceVersion": "2"},
}
"""What an instance is where a request names nothing (API_CreateNotebookInstance)."""
CHANGED = (
    "InstanceType",
    "RoleArn",
    "LifecycleConfigName",
    "VolumeSizeInGB",
    "AcceleratorTypes",
    "RootAccess",
    *OUR_MEMBERS,
)
"""What UpdateNotebookInstance may give."""
LISTED = (
    "NotebookInstanceName",
    "NotebookInstanceArn",
    "NotebookInstanceStatus",
    "Url",
    "InstanceType",
    "CreationTime",
    "LastModifiedTime",
    "NotebookInstanceLifecycleConfigName",
)


def attribute_of(member: str) -> str:
    """Return moto's attribute for a member of a request."""
    return str(camelcase_to_underscores(member))


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an instance is, and what time it is there."""

    account_id: str
    region_name: str
    now: Callable[[], datetime]


class LocalNotebookInstance(FakeSagemakerNotebookInstance):
    """An instance whose state is told to EventBridge at each step. Times are naive UTC, as in moto."""

    status: str

    def __init__(self, *, place: Place, request: Mapping[str, Any]) -> None:
        self._place = place
        self._lock = threading.RLock()
        self.failure_reason: str | None = None
        self.has_started = False
        """Whether it was in service once, so that OnCreate is over."""
        self.folder_name = f"{place.region_name}-{request['NotebookInstanceName']}-{secrets.token_hex(4)}"
        """Of its own, as a deleted instance's name is free before its folder is gone."""
        given = dict(DEFAULTS) | {name: value for name, value in request.items() if value is not None}
        members: dict[str, Any] = {attribute_of(name): given.get(name) for name in MOTO_MEMBERS}
        FakeSagemakerNotebookInstance.__init__(
            self, account_id=place.account_id, region_name=place.region_name, **members
        )
        for name in OUR_MEMBERS:
            setattr(self, attribute_of(name), given[name])
        self.status = PENDING
        self.creation_time = self.last_modified_time = naive_utc(place.now())

    def validate_volume_size_in_gb(self, volume_size_in_gb: int) -> None:
        """Have nothing to check: `validation` has done it."""

    def validate_instance_type(self, instance_type: str) -> None:
        """Have nothing to check: moto's list is older than AWS's model."""

    def is_created(self) -> bool:
        """Whether CloudFormation goes on: it does not wait."""
        return True

    def begin(self) -> None:
        """Tell that it is there."""
        self._tell()

    def step(self, wanted: str, *, reason: str | None = None) -> bool:
        """Go to a state; False where that cannot be any more."""
        with self._lock:
            if not states.may_step(self.status, wanted):
                return False
            self.failure_reason = reason and reason[:MAX_REASON]
            self.status = wanted
            self.last_modified_time = naive_utc(self._place.now())
        self._tell()
        return True

    def ask(self, wanted: str) -> None:
        """Go to a state that a request leads to; raises AWS's error where it may not."""
        with self._lock:
            if self.status not in ASKED[wanted]:
                raise wrong_state(current=self.status, allowed=ASKED[wanted], wanted=wanted, arn=self.arn)
            self.step(wanted)

    def fail(self, reason: str) -> None:
        """End as Failed with this FailureReason."""
        self.step(FAILED, reason=reason)

    def change(self, request: Mapping[str, Any]) -> None:
        """Take what UpdateNotebookInstance gives, and lose what it takes away."""
        with self._lock:
            for member in CHANGED:
                if request.get(member) is not None:
                    setattr(self, attribute_of(member), request[member])
            for member, disassociation in DISASSOCIATIONS.items():
                if request.get(disassociation):
                    setattr(self, attribute_of(member), None)

    def _tell(self) -> None:
        place = self._place
        detail = state_changes.event_detail(self.to_dict(), tags=self.tags)
        state_changes.publish(detail, account_id=place.account_id, region=place.region_name, now=place.now())

    def to_dict(self) -> dict[str, Any]:
        """Return the answer of DescribeNotebookInstance."""
        with self._lock:
            ours = {name: getattr(self, attribute_of(name)) for name in OUR_MEMBERS}
            return super().to_dict() | ours | {"FailureReason": self.failure_reason}


def summarise(instance: LocalNotebookInstance) -> dict[str, Any]:
    """Return an instance as it is listed."""
    found = instance.to_dict()
    return {name: found[name] for name in LISTED if found.get(name) is not None}


INSTANCES = Kind(
    answer="NotebookInstances",
    name="notebook_instance_name",
    status="status",
    summarise=summarise,
    default_sort="Name",
)
