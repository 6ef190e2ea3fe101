"""Who an access key belongs to, as far as localaws made it.

As there is no account, any other key is accepted: it has no secret that is known here, and stands for an
anonymous user of the default account.
"""

from dataclasses import dataclass
from weakref import WeakKeyDictionary

from botocore.credentials import Credentials
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.iam.models import AccessKey, iam_backends
from moto.sts.models import AssumedRole, STSBackend, sts_backends

from localaws.iam.evaluation import Caller


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

    def as_caller(self) -> Caller:
        """Return it as policies are held against it."""
        return Caller(arn=self.arn, role_arn=self.role_arn, account_id=self.account_id)


ROOT_KEYS: dict[str, Credentials] = {}
"""The keys of the account itself, by their ids: there are some only where permissions are enforced."""
_sessions: WeakKeyDictionary[STSBackend, tuple[int, dict[str, AssumedRole]]] = WeakKeyDictionary()


def find_session(access_key_id: str) -> AssumedRole | None:
    """Return the session of a role that has this key.

    moto looks through all sessions that there ever were. They only become more: each is looked at once.
    """
    for backends in list(sts_backends.values()):
        for backend in list(backends.values()):
            if found := _index(backend).get(access_key_id):
                return found
    return None


def _index(backend: STSBackend) -> dict[str, AssumedRole]:
    count, known = _sessions.get(backend, (0, {}))
    if count != len(backend.assumed_roles):
        new = backend.assumed_roles[count:]
        known |= {role.access_key_id: role for role in new}
        _sessions[backend] = count + len(new), known
    return known


def find_user_key(access_key_id: str) -> AccessKey | None:
    """Return the key of a user, or of a session, with this id."""
    for account in list(iam_backends.values()):
        for backend in list(account.values()):
            if key := backend.access_keys.get(access_key_id):
                return key
    return None


def find_secret(access_key_id: str) -> Credentials | None:
    """Return the credentials with this id, where localaws made them.

    Sessions come first: moto keeps their keys among the users' too, without the token that they need.
    """
    if root := ROOT_KEYS.get(access_key_id):
        return root
    if role := find_session(access_key_id):
        return Credentials(access_key_id, role.secret_access_key, role.session_token)
    key = find_user_key(access_key_id)
    return Credentials(access_key_id, key.secret_access_key) if key else None


def find_account(access_key_id: str) -> str:
    """Return the account of a key, as moto does, but without making the backends that are not there yet."""
    for account_id, account in list(iam_backends.items()):
        for backend in list(account.values()):
            if access_key_id in backend.access_keys:
                return account_id
    return DEFAULT_ACCOUNT_ID


def find_principal(access_key_id: str) -> Principal:
    """Return whose key this is, as GetCallerIdentity answers."""
    if role := find_session(access_key_id):
        return Principal(
            account_id=role.account_id, arn=role.arn, user_id=role.user_id, role_arn=role.role_arn
        )
    account_id = find_account(access_key_id)
    for backend in list(iam_backends[account_id].values()):
        if user := backend.get_user_from_access_key_id(access_key_id):
            return Principal(account_id=account_id, arn=user.arn, user_id=user.id)
    return Principal(account_id=account_id, arn=f"arn:aws:iam::{account_id}:root", user_id=account_id)
