"""Permissions boundaries of users, which moto lacks; those of roles are moto's.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
"""

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.iam.exceptions import NotFoundException
from moto.iam.models import User
from moto.iam.responses import IamResponse

SHOWN = ("CreateUserResponse", "GetUserResponse")
"""Answers that show a user's boundary; lists do not."""
_create_user = IamResponse.create_user


def add_actions() -> None:
    """Give moto's users boundaries."""
    for action in (create_user, put_user_permissions_boundary, delete_user_permissions_boundary):
        setattr(IamResponse, action.__name__, action)
    setattr(User, "permissions_boundary", property(_describe))  # noqa: B010 - mypy refuses to assign it
    hide, show = "ListRolesResponse.Roles.Role", "GetRoleResponse.Role"
    shown: dict[str, Any] = IamResponse.RESPONSE_KEY_PATH_TO_TRANSFORMER
    for name in SHOWN:
        shown[f"{name}.User.PermissionsBoundary"] = shown[f"{show}.PermissionsBoundary"]
    shown["ListUsersResponse.Users.User.PermissionsBoundary"] = shown[f"{hide}.PermissionsBoundary"]


def create_user(response: IamResponse) -> ActionResult:
    """Answer CreateUser."""
    boundary = response._get_param("PermissionsBoundary")
    if boundary:
        require_policy(response, boundary)
    answer = _create_user(response)
    result: Any = answer.result
    result["User"].permissions_boundary_arn = boundary
    return answer


def put_user_permissions_boundary(response: IamResponse) -> ActionResult:
    """Answer PutUserPermissionsBoundary."""
    boundary = response._get_param("PermissionsBoundary")
    user: Any = response.backend.get_user(response._get_param("UserName"))
    require_policy(response, boundary)
    user.permissions_boundary_arn = boundary
    return EmptyResult()


def delete_user_permissions_boundary(response: IamResponse) -> ActionResult:
    """Answer DeleteUserPermissionsBoundary."""
    name = response._get_param("UserName")
    user: Any = response.backend.get_user(name)
    if not getattr(user, "permissions_boundary_arn", None):
        raise NotFoundException(f"User {name} does not have a permissions boundary.")
    user.permissions_boundary_arn = None
    return EmptyResult()


def require_policy(response: IamResponse, arn: str) -> None:
    """Raise NoSuchEntity for a boundary that is no policy."""
    response.backend.get_policy(arn)


def _describe(user: Any) -> dict[str, str] | None:
    arn = getattr(user, "permissions_boundary_arn", None)
    kind = "PermissionsBoundaryPolicy"
    return {"PermissionsBoundaryType": kind, "PermissionsBoundaryArn": arn} if arn else None
