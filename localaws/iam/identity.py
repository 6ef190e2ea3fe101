"""Who a child process is: an assumed-role session in moto's STS, handed out as AWS hands it out.

Containers get `AWS_CONTAINER_CREDENTIALS_FULL_URI` and a token (the SDKs' container provider,
https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html); functions get the
`AWS_ACCESS_KEY_ID` family, as on Lambda.
"""

import json
import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from moto.sts.models import sts_backends

CREDENTIALS_PATH = "/_localaws/credentials/"
SESSION_S = 3600
"""Seconds a session lasts; the SDKs ask again before it ends."""
LONG_S = 28 * 86_400
"""Seconds that a session lasts of which nobody asks for another: as long as the longest job."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Temporary credentials of one role session."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: datetime
    role_arn: str

    def as_environment(self) -> dict[str, str]:
        """Return the three variables that the SDKs read."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_SESSION_TOKEN": self.session_token,
        }

    def as_container_document(self) -> bytes:
        """Return the JSON that the container credentials provider reads."""
        return json.dumps(
            {
                "RoleArn": self.role_arn,
                "AccessKeyId": self.access_key_id,
                "SecretAccessKey": self.secret_access_key,
                "Token": self.session_token,
                "Expiration": self.expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        ).encode()


@dataclass(frozen=True, kw_only=True)
class Grant:
    """The right to fetch credentials of one role, held by one child."""

    id: str
    token: str
    role_arn: str
    session_name: str


class Identity:
    """Assume roles for children, and remember which child may fetch which credentials.

    `now` is the machine's time, by which the SDKs ask again, even where localaws runs faster.
    """

    def __init__(self, *, region: str, now: Callable[[], datetime]) -> None:
        self._region = region
        self._now = now
        self._grants: dict[str, Grant] = {}
        self._lock = threading.Lock()

    def assume(self, *, role_arn: str, session_name: str, duration_s: int = SESSION_S) -> Credentials:
        """Open a session of `role_arn`; the session name is cut to AWS's 64 characters of [\\w+=,.@-]."""
        account_id = role_arn.split(":")[4]
        with self._lock:
            role = sts_backends[account_id]["aws"].assume_role(
                region_name=self._region,
                role_session_name=re.sub(r"[^\w+=,.@-]", "-", session_name)[:64],
                role_arn=role_arn,
                policy="",
                duration=duration_s,
                external_id="",
            )
        return Credentials(
            access_key_id=role.access_key_id,
            secret_access_key=role.secret_access_key,
            session_token=role.session_token,
            expiration=self._now() + timedelta(seconds=duration_s),
            role_arn=role_arn,
        )

    def grant(self, *, role_arn: str, session_name: str) -> Grant:
        """Let one child fetch this role's credentials until `revoke`."""
        grant = Grant(
            id=secrets.token_hex(8),
            token=secrets.token_urlsafe(24),
            role_arn=role_arn,
            session_name=session_name,
        )
        with self._lock:
            self._grants[grant.id] = grant
        return grant

    def revoke(self, grant: Grant) -> None:
        """End a grant; revoking twice is fine."""
        with self._lock:
            self._grants.pop(grant.id, None)

    def redeem(self, *, grant_id: str, token: str) -> Credentials | None:
        """Return fresh credentials for a grant, or None where the id or its token is wrong."""
        with self._lock:
            grant = self._grants.get(grant_id)
        if grant is None or not secrets.compare_digest(grant.token.encode(), token.encode()):
            return None
        return self.assume(role_arn=grant.role_arn, session_name=grant.session_name)
