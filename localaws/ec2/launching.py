"""RunInstances: how many, all alike, and only once for each client token.

https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html
"""

import hashlib
import json
import threading
from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import Reservation
from moto.ec2.responses.instances import InstanceResponse
from moto.iam.exceptions import NotFoundException

from localaws.ec2 import wording
from localaws.ec2.endings import find_spent
from localaws.ec2.templates import check_market

_launching = threading.Lock()
"""Held while instances are made: of two requests with one token, the second must see what the first made."""
stock_run_instances = InstanceResponse.run_instances


def run_instances(response: InstanceResponse) -> ActionResult:
    """Answer RunInstances: as many instances as may be, all with the profile; moto makes the fewest."""
    token, asked = response._get_param("ClientToken"), fingerprint(response.params)
    response.params["MinCount"] = read_count(response)
    check_market(response._get_param("InstanceMarketOptions.SpotOptions", {}))
    with _launching:
        made = find_reservation(response.ec2_backend, token=token, asked=asked) if token else None
        return ActionResult(made) if made else launch(response, token=token, asked=asked)


def read_count(response: InstanceResponse) -> int:
    """Return how many instances to make; raises EC2ClientError where the numbers cannot be."""
    least, most = (int(response._get_param(name, 1)) for name in ("MinCount", "MaxCount"))
    for name, value in (("minCount", least), ("maxCount", most)):
        if value < 1:
            raise EC2ClientError("InvalidParameterValue", wording.not_positive(value, parameter=name))
    if most < least:
        raise EC2ClientError("InvalidParameterValue", wording.less_than_least(most, least=least))
    return most


def launch(response: InstanceResponse, *, token: str | None, asked: str) -> ActionResult:
    """Make the instances, and note what has asked for them."""
    try:
        answer = stock_run_instances(response)
    except NotFoundException as error:
        name, arn = (response._get_param(f"IamInstanceProfile.{member}") for member in ("Name", "Arn"))
        raise EC2ClientError("InvalidParameterValue", wording.no_profile(name=name, arn=arn)) from error
    reservation: Any = answer.result
    for instance in reservation.instances:
        instance.client_token = token
        instance.fingerprint = asked
        if response._get_param("DisableApiTermination"):
            instance.disable_api_termination = True
    share_profile(response.ec2_backend, reservation)
    return answer


def fingerprint(params: Any) -> str:
    """Return what tells one request from another, whatever order its members are in."""
    return hashlib.sha256(json.dumps(params, default=str, sort_keys=True).encode()).hexdigest()


def find_reservation(backend: Any, *, token: str, asked: str) -> Reservation | None:
    """Return what an earlier request with this token has made.

    Raises EC2ClientError where that was another request, or where all that it made is terminated, which AWS
    refuses since 2025: https://github.com/boto/boto3/issues/4406.
    """
    for reservation in backend.all_reservations():
        made: list[Any] = reservation.instances
        if any(instance.client_token == token for instance in made):
            check_same(made[0].fingerprint, asked)
            if all(instance.is_gone for instance in made):
                raise EC2ClientError("IdempotentInstanceTerminated", wording.OF_TERMINATED)
            found: Reservation = reservation
            return found
    if spent := find_spent(backend, token):
        check_same(spent.fingerprint, asked)
        raise EC2ClientError("IdempotentInstanceTerminated", wording.OF_TERMINATED)
    return None


def check_same(before: str, asked: str) -> None:
    """Raise EC2ClientError where two requests with one token are not the same."""
    if before != asked:
        raise EC2ClientError("IdempotentParameterMismatch", wording.OTHER_ARGUMENTS)


def share_profile(backend: Any, reservation: Reservation) -> None:
    """Give all instances of a reservation the profile of the first."""
    first, *others = reservation.instances
    association = backend.iam_instance_profile_associations.get(first.id)
    for instance in others if association else ():
        arn = association.iam_instance_profile.arn
        backend.associate_iam_instance_profile(instance_id=instance.id, iam_instance_profile_arn=arn)
