"""Answer the Instance Metadata Service for one instance. Pure: no socket.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-categories.html and, for tokens,
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
"""

import base64
import hmac
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from localaws.ec2.spec import Facts, Profile

TTL_HEADER, TOKEN_HEADER = "x-aws-ec2-metadata-token-ttl-seconds", "x-aws-ec2-metadata-token"
MIN_TTL_S, MAX_TTL_S = 1, 21_600
"""AWS seconds that a token may be valid for."""
VERSION = re.compile(r"latest|1\.0|20\d\d-\d\d-\d\d")
TEXT, JSON = "text/plain", "application/json"
TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    500: "Internal Server Error",
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": TEXT})


def refuse(status: int) -> Answer:
    """Return an error, as a page, in which the service writes them."""
    title = f"{status} - {TITLES[status]}"
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Answer(status=status, body=page.encode(), headers={"Content-Type": "text/html"})


class Tokens:
    """The tokens of one instance. None is kept: each says until when it holds, and is signed."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._key = secrets.token_bytes(32)

    def issue(self, *, ttl_s: int) -> str:
        """Return a token for `ttl_s` AWS seconds."""
        until = f"{self._monotonic() + ttl_s:.3f}".encode()
        return base64.urlsafe_b64encode(self._sign(until) + until).decode()

    def is_valid(self, token: str) -> bool:
        """Tell whether a token is this instance's, and its time is not over."""
        try:
            raw = base64.urlsafe_b64decode(token.encode())
        except ValueError:
            return False
        signature, until = raw[:32], raw[32:]
        return hmac.compare_digest(signature, self._sign(until)) and float(until) > self._monotonic()

    def _sign(self, until: bytes) -> bytes:
        return hmac.digest(self._key, until, "sha256")


class Metadata:
    """What one instance is told. `facts` and `credentials` are asked anew for each request."""

    def __init__(
        self, *, facts: Callable[[], Facts], credentials: Callable[[Profile], bytes], tokens: Tokens
    ) -> None:
        self._facts = facts
        self._credentials = credentials
        self._tokens = tokens

    def answer(self, method: str, path: str, headers: Mapping[str, str]) -> Answer:
        """Answer one request; the names of headers are lower case."""
        facts = self._facts()
        if not facts.options.is_enabled:
            return refuse(403)
        if method == "PUT":
            return self._issue(path, headers)
        if method not in ("GET", "HEAD"):
            return refuse(405)
        token = headers.get(TOKEN_HEADER)
        if token is None and facts.options.needs_token:
            return refuse(401)
        if token is not None and not self._tokens.is_valid(token):
            return refuse(401)
        return self._read(facts, path)

    def _issue(self, path: str, headers: Mapping[str, str]) -> Answer:
        if path.partition("?")[0] != "/latest/api/token":
            return refuse(405)
        if "x-forwarded-for" in headers:  # somebody else's request, through an open proxy
            return refuse(403)
        wanted = headers.get(TTL_HEADER, "")
        if not re.fullmatch(r"[0-9]{1,6}", wanted) or not MIN_TTL_S <= int(wanted) <= MAX_TTL_S:
            return refuse(400)
        token = self._tokens.issue(ttl_s=int(wanted))
        return Answer(body=token.encode(), headers={"Content-Type": TEXT, TTL_HEADER: wanted})

    def _read(self, facts: Facts, path: str) -> Answer:
        version, _, rest = path.partition("?")[0].strip("/").partition("/")
        if not version:
            return Answer(body=b"1.0\nlatest")
        if not VERSION.fullmatch(version):
            return refuse(404)
        rest = re.sub("/+", "/", rest).strip("/")
        tree = build_tree(facts)
        if rest in ("user-data", ""):
            return _top(facts, rest)
        if facts.profile is not None and rest == f"{CREDENTIALS}/{facts.profile.role_name}":
            return Answer(body=self._credentials(facts.profile), headers={"Content-Type": JSON})
        if rest in tree:
            kind = JSON if tree[rest].startswith("{") else TEXT
            return Answer(body=tree[rest].encode(), headers={"Content-Type": kind})
        names = list_names(tree, rest)
        return Answer(body="\n".join(names).encode()) if names else refuse(404)


CREDENTIALS = "meta-data/iam/security-credentials"


def _top(facts: Facts, rest: str) -> Answer:
    if not rest:
        names = ["dynamic", "meta-data", *(["user-data"] if facts.user_data else [])]
        return Answer(body="\n".join(names).encode())
    if not facts.user_data:
        return refuse(404)
    return Answer(body=facts.user_data, headers={"Content-Type": "application/octet-stream"})


def list_names(tree: Mapping[str, str], folder: str) -> list[str]:
    """Return what lies in a folder: folders end with a slash."""
    inside = [path[len(folder) + 1 :] for path in tree if path.startswith(f"{folder}/")]
    names = {name if not rest else f"{name}/" for name, _, rest in (path.partition("/") for path in inside)}
    return sorted(names)


def build_tree(facts: Facts) -> dict[str, str]:
    """Return every path with its value; what an instance does not have is missing, and answered with 404."""
    meta = {
        "ami-id": facts.image_id,
        "ami-launch-index": str(facts.launch_index),
        "hostname": facts.local_hostname,
        "instance-action": "none",
        "instance-id": facts.instance_id,
        "instance-life-cycle": "spot" if facts.is_spot else "on-demand",
        "instance-type": facts.instance_type,
        "local-hostname": facts.local_hostname,
        "local-ipv4": facts.local_ip,
        "mac": facts.mac,
        "placement/availability-zone": facts.zone,
        "placement/region": facts.region,
        "public-hostname": facts.public_hostname,
        "public-ipv4": facts.public_ip,
        "reservation-id": facts.reservation_id,
        "security-groups": "\n".join(facts.security_groups),
        "services/domain": "amazonaws.com",
        "services/partition": "aws",
    }
    meta |= _role_entries(facts) | _spot_entries(facts)
    if facts.options.has_tags:
        meta |= {f"tags/instance/{key}": value for key, value in facts.tags.items()}
    tree = {f"meta-data/{path}": value for path, value in meta.items() if value}
    return tree | {"dynamic/instance-identity/document": identity_document(facts)}


def _role_entries(facts: Facts) -> dict[str, str]:
    profile = facts.profile
    if profile is None:
        return {}
    info = {
        "Code": "Success" if profile.is_trusting else "AssumeRoleUnauthorizedAccess",
        "LastUpdated": facts.launched_at,
        "InstanceProfileArn": profile.arn,
        "InstanceProfileId": profile.id,
    }
    # the name is what listing the folder answers; its value is made by `credentials`
    return {"iam/info": json.dumps(info, indent=1), f"iam/security-credentials/{profile.role_name}": "{}"}


def _spot_entries(facts: Facts) -> dict[str, str]:
    if not facts.interruption_at:
        return {}
    return {
        "events/recommendations/rebalance": json.dumps({"noticeTime": facts.rebalance_at}),
        "spot/instance-action": json.dumps({"action": "terminate", "time": facts.interruption_at}),
        "spot/termination-time": facts.interruption_at,
    }


def identity_document(facts: Facts) -> str:
    """Return who the instance is, as JSON (unsigned here: `pkcs7` and `signature` are 404)."""
    return json.dumps(
        {
            "accountId": facts.account_id,
            "architecture": facts.architecture,
            "availabilityZone": facts.zone,
            "billingProducts": None,
            "devpayProductCodes": None,
            "marketplaceProductCodes": None,
            "imageId": facts.image_id,
            "instanceId": facts.instance_id,
            "instanceType": facts.instance_type,
            "kernelId": None,
            "pendingTime": facts.launched_at,
            "privateIp": facts.local_ip,
            "ramdiskId": None,
            "region": facts.region,
            "version": "2017-09-30",
        },
        indent=2,
    )
