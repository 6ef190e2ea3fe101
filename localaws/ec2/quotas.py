"""How many vCPUs an account may have on, as Service Quotas tells and RunInstances heeds.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-quotas.html. moto knows quotas of VPCs only.
A request for a higher one is granted at once.
"""

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.ec2.models import ec2_backends
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.servicequotas.exceptions import NoSuchResource
from moto.servicequotas.models import ServiceQuotasBackend
from moto.servicequotas.responses import ServiceQuotasResponse as Answers
from moto.utilities.utils import get_partition

SERVICE = "ec2"
SERVICE_NAME = "Amazon Elastic Compute Cloud (Amazon EC2)"
FAMILY = re.compile(r"[a-z]+")
OTHER_FAMILIES = frozenset({"p", "g", "gr", "vt", "x", "f", "inf", "trn", "dl", "hpc", "u", "mac"})
"""Beginnings of instance types that are not of the Standard families."""


@dataclass(frozen=True, kw_only=True)
class Quota:
    """One quota, in vCPUs."""

    code: str
    name: str
    default: float
    """AWS's, for a new account."""
    value: float
    """Of the account that localaws stands for."""


STANDARD = Quota(
    code="L-1216C47A",
    name="Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
    default=5,
    value=256,
)
STANDARD_SPOT = Quota(
    code="L-34B43A08",
    name="All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests",
    default=5,
    value=256,
)
GRAPHICS = Quota(code="L-DB2E81BA", name="Running On-Demand G and VT instances", default=0, value=256)
GRAPHICS_SPOT = Quota(code="L-3819A6DF", name="All G and VT Spot Instance Requests", default=0, value=256)
PARALLEL = Quota(code="L-417A185B", name="Running On-Demand P instances", default=0, value=384)
PARALLEL_SPOT = Quota(
    code="L-7212CCBC", name="All P4, P3 and P2 Spot Instance Requests", default=0, value=384
)
QUOTAS = (STANDARD, STANDARD_SPOT, GRAPHICS, GRAPHICS_SPOT, PARALLEL, PARALLEL_SPOT)
GROUPS = {"g": (GRAPHICS, GRAPHICS_SPOT), "gr": (GRAPHICS, GRAPHICS_SPOT), "vt": (GRAPHICS, GRAPHICS_SPOT)}


def find_quota(instance_type: str, *, is_spot: bool) -> Quota | None:
    """Return the quota that instances of a type count for; None where localaws has none for them."""
    found = FAMILY.match(instance_type)
    family = found[0] if found else ""
    if family in GROUPS:
        return GROUPS[family][is_spot]
    if family == "p":
        return PARALLEL_SPOT if is_spot else PARALLEL
    if family in OTHER_FAMILIES:
        return None
    return STANDARD_SPOT if is_spot else STANDARD


def count_vcpus(instance_type: str) -> int:
    """Return the vCPUs of a type; 0 for one that is not known."""
    found: Any = INSTANCE_TYPES.get(instance_type)
    return int(found["VCpuInfo"]["DefaultVCpus"]) if found else 0


def read_value(backend: Any, quota: Quota) -> float:
    """Return a quota's value in an account and region: what was granted last."""
    granted: dict[str, float] = getattr(backend, "granted_quotas", {})
    return granted.get(quota.code, quota.value)


def describe(quota: Quota, *, value: float, account_id: str, region: str) -> dict[str, Any]:
    """Return a quota as Service Quotas answers it."""
    return {
        "ServiceCode": SERVICE,
        "ServiceName": SERVICE_NAME,
        "QuotaArn": f"arn:{get_partition(region)}:servicequotas:{region}:{account_id}:{SERVICE}/{quota.code}",
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "Value": value,
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }


stock_defaults = ServiceQuotasBackend.list_aws_default_service_quotas
stock_quota = ServiceQuotasBackend.get_service_quota


def list_defaults(backend: ServiceQuotasBackend, service_code: str) -> list[dict[str, Any]]:
    """Return AWS's own values."""
    if service_code != SERVICE:
        return stock_defaults(backend, service_code)
    return [
        describe(quota, value=quota.default, account_id="", region=backend.region_name) for quota in QUOTAS
    ]


def list_values(backend: ServiceQuotasBackend) -> Iterator[dict[str, Any]]:
    """Give the account's own values."""
    account_id, region = backend.account_id, backend.region_name
    instances = ec2_backends[account_id][region]
    for quota in QUOTAS:
        yield describe(quota, value=read_value(instances, quota), account_id=account_id, region=region)


def get_service_quota(backend: ServiceQuotasBackend, service_code: str, quota_code: str) -> dict[str, Any]:
    """Return one of the account's values; raises NoSuchResource."""
    if service_code != SERVICE:
        return stock_quota(backend, service_code, quota_code)
    found = [each for each in list_values(backend) if each["QuotaCode"] == quota_code]
    if not found:
        raise NoSuchResource
    return found[0]


def list_service_quotas(response: Answers) -> str:
    """Answer ListServiceQuotas; all come on one page."""
    asked = json.loads(response.body)
    service, wanted = asked["ServiceCode"], asked.get("QuotaCode")
    found = (
        list(list_values(response.backend))
        if service == SERVICE
        else stock_defaults(response.backend, service)
    )
    return json.dumps({"Quotas": [each for each in found if wanted in (None, each["QuotaCode"])]})


def request_service_quota_increase(response: Answers) -> str:
    """Answer RequestServiceQuotaIncrease: granted at once, where it is one of EC2's."""
    backend, asked = response.backend, json.loads(response.body)
    code, desired = asked["QuotaCode"], float(asked["DesiredValue"])
    quota = get_service_quota(backend, asked["ServiceCode"], code)
    if asked["ServiceCode"] != SERVICE:
        raise JsonRESTError("IllegalArgumentException", "localaws changes quotas of EC2 only")
    if desired <= quota["Value"]:
        message = f"The desired value {desired:g} must be more than the current value {quota['Value']:g}"
        raise JsonRESTError("IllegalArgumentException", message)
    instances: Any = ec2_backends[backend.account_id][backend.region_name]
    instances.granted_quotas = getattr(instances, "granted_quotas", {}) | {code: desired}
    answer = {"Id": uuid.uuid4().hex, "DesiredValue": desired, "Status": "APPROVED"}
    kept = ("ServiceCode", "ServiceName", "QuotaCode", "QuotaName", "QuotaArn", "Unit", "GlobalQuota")
    return json.dumps({"RequestedQuota": {name: quota[name] for name in kept} | answer})


def install() -> None:
    """Put these in the place of moto's, and beside them."""
    setattr(ServiceQuotasBackend, "list_aws_default_service_quotas", list_defaults)  # noqa: B010
    setattr(ServiceQuotasBackend, get_service_quota.__name__, get_service_quota)
    for action in (list_service_quotas, request_service_quota_increase):
        setattr(Answers, action.__name__, action)
