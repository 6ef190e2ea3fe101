"""Policies of targets that scale here, and the alarms of those that track a target."""

from collections.abc import Mapping
from typing import Any, cast

from moto.applicationautoscaling.models import FakeApplicationAutoscalingPolicy
from moto.cloudwatch import models as cloudwatch_models
from moto.core.exceptions import ServiceException

from localaws.autoscaling.errors import InvalidError
from localaws.autoscaling.policy_alarms import alarm_requests
from localaws.autoscaling.spec import STEPS, place_of
from localaws.cloudwatch.alarms.backend import AlarmsMixin


def alarms_of(account_id: str, region: str) -> AlarmsMixin:
    """Return CloudWatch's backend of an account in a region."""
    return cast(AlarmsMixin, cloudwatch_models.cloudwatch_backends[account_id][region])


class LocalPolicy(FakeApplicationAutoscalingPolicy):
    """moto's policy, with alarms of its own where it tracks a target."""

    own_alarms: tuple[Any, ...] = ()
    """The high alarm, and the low one where the policy scales in."""

    @property
    def config(self) -> Mapping[str, Any]:
        """The configuration of its type."""
        return cast(Mapping[str, Any], self._policy_body)

    @property
    def high(self) -> str:
        """The name of the alarm at which it scales out; empty where it has none."""
        return str(self.own_alarms[0].name) if self.own_alarms else ""

    @property
    def low(self) -> str:
        """The name of the alarm at which it scales in; empty where it never does."""
        return str(self.own_alarms[1].name) if len(self.own_alarms) > 1 else ""

    @property
    def alarms(self) -> list[Any]:
        """What DescribeScalingPolicies lists: its own alarms, or those whose action it is."""
        if self.policy_type != STEPS:
            return list(self.own_alarms)
        every = alarms_of(self.account_id, self.region_name).local_alarms()
        arns = [(alarm, [arn for found in alarm.spec.actions.values() for arn in found]) for alarm in every]
        return [alarm for alarm, found in arns if self.policy_arn in found]

    @alarms.setter
    def alarms(self, value: list[Any]) -> None:
        """Take moto's empty list, and forget it."""

    def create_alarms(self) -> None:
        """Do nothing yet: `make_alarms` comes once the policy has the ARN that it keeps."""

    def take_over(self, known: FakeApplicationAutoscalingPolicy) -> None:
        """Become the next version of a policy: its ARN and its time of creation stay."""
        self.policy_arn, self.creation_time = known.policy_arn, known.creation_time

    def make_alarms(self) -> None:
        """Put the alarms of a policy that tracks a target. Raises InvalidError for a wrong metric."""
        if self.policy_type == STEPS:
            return
        cloudwatch = alarms_of(self.account_id, self.region_name)
        requests = alarm_requests(self.config, place=place_of(self), policy_arn=self.policy_arn)
        try:
            self.own_alarms = tuple(cloudwatch.put_alarm(request) for request in requests)
        except ServiceException as error:
            raise InvalidError(str(error.message)) from error

    def delete_alarms(self, account_id: str, region_name: str) -> None:
        """Delete its own alarms; those that somebody made for it stay."""
        alarms_of(account_id, region_name).delete_alarms([alarm.name for alarm in self.own_alarms])
