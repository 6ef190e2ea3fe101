"""Who an access key belongs to, as far as localaws made it.

As there is no account, any other key is accepted: it has no secret that is known here, and stands for an
anonymous user of the default account.
"""

from dataclasses import dataclass

from botocore.credentials import Credentials
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends


@dataclass(frozen=True, kw_only=True)
class Principal:
    """A user, or a session of a role."""

    account_id: str
    arn: str
    user_id: str
    role_arn: str = ""
    """The role of a session."""

    @property
    def condition_arn(self) -> str:
        """The value of aws:PrincipalArn: a session's is that of its role."""
        return self.role_arn or self.arn

    @property
    def names(self) -> frozenset[str]:
        """What a policy may call it: by its ARN, its role's, or its account."""
        account = f"arn:aws:iam::{self.account_id}:root"
        return frozenset({self.arn, self.condition_arn, self.account_id, account})


def find_secret(access_key_id: str) -> Credentials | None:
    """Return the credentials with this id, where localaws made them.

    Sessions come first: moto keeps their keys among the users' too, without the token that they need.
    """
    for sessions in list(sts_backends.values()):
        for sts in list(sessions.values()):
            if role := sts.get_assumed_role_from_access_key(access_key_id):
                return Credentials(access_key_id, role.secret_access_key, role.session_token)
    for account in list(iam_backends.values()):
        for backend in list(account.values()):
            if key := backend.access_keys.get(access_key_id):
                return Credentials(access_key_id, key.secret_access_key)
    return None


def find_account(access_key_id: str) -> str:
    """Return the account of a key, as moto does, but without making the backends that are not there yet."""
    for account_id, account in list(iam_backends.items()):
        for backend in list(account.values()):
            if access_key_id in backend.access_keys:
                return account_id
    return DEFAULT_ACCOUNT_ID


def find_principal(access_key_id: str) -> Principal:
    """Return whose key this is, as GetCallerIdentity answers."""
    account_id = find_account(access_key_id)
    for owner, sessions in list(sts_backends.items()):
        for sts in list(sessions.values()):
            if role := sts.get_assumed_role_from_access_key(access_key_id):
                return Principal(account_id=owner, arn=role.arn, user_id=role.user_id, role_arn=role.role_arn)
    for backend in list(iam_backends[account_id].values()):
        if user := backend.get_user_from_access_key_id(access_key_id):
            return Principal(account_id=account_id, arn=user.arn, user_id=user.id)
    return Principal(account_id=account_id, arn=f"arn:aws:iam::{account_id}:root", user_id=account_id)
