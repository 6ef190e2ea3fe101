"""What makes the name of a resource, or its whole ARN, of what a request says."""

import re
from collections.abc import Mapping
from functools import partial

from localaws.functions.arns import REFERENCE
from localaws.iam.needs.arns import Asking, Filter, is_arn
from localaws.iam.needs.state import find_in_iam, find_key, find_key_owner, find_profile_role, find_secret
from localaws.iam.needs.trees import find_texts

QUEUE_URL = re.compile(r".*/(\d{12})/([^/]+)")
ENDPOINT = re.compile(r"endpoint/([^/]+)/variant/[^/]+")
FUNCTION = re.compile(r"function:([^:]+:[^:]+)")
SCALING_ROLES = "application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_"
ENDPOINT_SCALING = f"sagemaker.{SCALING_ROLES}SageMakerEndpoint"
FUNCTION_SCALING = f"lambda.{SCALING_ROLES}LambdaConcurrency"
PUBLIC_PARAMETERS = "/aws/"
OWN_DOCUMENTS = ("AWS-", "AWSEC2-", "AmazonCloudWatch-", "AWSSupport-")
"""How the names of documents begin that are AWS's own: no account is in their ARNs."""
EC2_KINDS = {
    "ami": "image",
    "eipalloc": "elastic-ip",
    "eni": "network-interface",
    "i": "instance",
    "igw": "internet-gateway",
    "key": "key-pair",
    "lt": "launch-template",
    "nat": "natgateway",
    "rtb": "route-table",
    "sg": "security-group",
    "sir": "spot-instances-request",
    "snap": "snapshot",
    "subnet": "subnet",
    "vol": "volume",
    "vpc": "vpc",
    "vpce": "vpc-endpoint",
}
"""Beginning of an id -> type of the resource."""
WITHOUT_ACCOUNT = ("image", "snapshot")
"""Types of EC2 in whose ARNs no account is."""


def name_function(name: str, asking: Asking) -> str | None:
    """Return a function's ARN, with the qualifier that was named."""
    found = REFERENCE.fullmatch(name)
    if found is None:
        return name
    region, account_id = found["region"] or asking.region, found["account_id"] or asking.account_id
    arn = f"arn:{asking.partition}:lambda:{region}:{account_id}:function:{found['name']}"
    qualifier = found["qualifier"] or next(iter(find_texts(asking.tree, ("Qualifier",))), None)
    return f"{arn}:{qualifier}" if qualifier else arn


def name_in_iam(kind: str, word: str, name: str, asking: Asking) -> str | None:
    """Return the ARN of what is there by that name, or of what is to be made with it."""
    if is_arn(name):
        return name
    path = next(iter(find_texts(asking.tree, ("Path",))), "/")
    new = f"arn:{asking.partition}:iam::{asking.account_id}:{word}{path}{name}"
    return find_in_iam(kind, name, asking) or new


def name_new_policy(name: str, asking: Asking) -> str | None:
    """Return the ARN of a policy that is to be made."""
    path = next(iter(find_texts(asking.tree, ("Path",))), "/")
    return f"arn:{asking.partition}:iam::{asking.account_id}:policy{path}{name}"


def name_user(name: str, asking: Asking) -> str | None:
    """Return a user's ARN; without a name it is who asks."""
    return name_in_iam("users", "user", name, asking) if name else asking.caller_arn


def name_key_owner(key_id: str, asking: Asking) -> str | None:
    """Return the ARN of an access key's owner; of a key that nobody has, any user may be it."""
    owner = find_key_owner(key_id, asking)
    every = f"arn:{asking.partition}:iam::{asking.account_id}:user/*"
    return every if owner is None else name_user(owner, asking)


def name_host(url: str, asking: Asking) -> str | None:
    """Return a URL without its scheme, as identity providers are called."""
    return url.partition("://")[2] or url


def name_project(build_id: str, asking: Asking) -> str | None:
    """Return the project of one of CodeBuild's builds."""
    return build_id.rpartition("/")[2].partition(":")[0]


def name_stack(name: str, asking: Asking) -> str | None:
    """Return a stack's ARN; where only its name is known, all that may have it."""
    arn = f"arn:{asking.partition}:cloudformation:{asking.region}:{asking.account_id}:stack/{name}/*"
    return name if is_arn(name) else arn


def name_queue(url: str, asking: Asking) -> str | None:
    """Return a queue's ARN by its URL."""
    found = QUEUE_URL.fullmatch(url)
    account_id, name = (found[1], found[2]) if found else (asking.account_id, url.rpartition("/")[2])
    return f"arn:{asking.partition}:sqs:{asking.region}:{account_id}:{name}"


def name_topic(arn: str, asking: Asking) -> str | None:
    """Return the topic of a subscription."""
    return arn.rpartition(":")[0] if arn.count(":") > 5 else arn


def name_parameter(name: str, asking: Asking) -> str | None:
    """Return a parameter's ARN; AWS's own parameters belong to no account."""
    if is_arn(name):
        return name
    plain = name.partition(":")[0] if name.startswith("/") else name.split(":")[0]
    account_id = "" if plain.startswith(PUBLIC_PARAMETERS) else asking.account_id
    return f"arn:{asking.partition}:ssm:{asking.region}:{account_id}:parameter/{plain.lstrip('/')}"


def name_document(name: str, asking: Asking) -> str | None:
    """Return a document's ARN; AWS's own documents belong to no account."""
    if is_arn(name):
        return name
    account_id = "" if name.startswith(OWN_DOCUMENTS) else asking.account_id
    return f"arn:{asking.partition}:ssm:{asking.region}:{account_id}:document/{name}"


def name_typed(resource_id: str, asking: Asking) -> str | None:
    """Return the ARN of a resource whose type is told beside its id."""
    kind = next(iter(find_texts(asking.tree, ("ResourceType",))), "")
    if kind in NAMED:
        return NAMED[kind](resource_id, asking)
    return f"arn:{asking.partition}:ssm:{asking.region}:{asking.account_id}:{kind.lower()}/{resource_id}"


def name_node(node_id: str, asking: Asking) -> str | None:
    """Return the ARN of an EC2 instance, or of another managed node."""
    service, kind = ("ssm", "managed-instance") if node_id.startswith("mi-") else ("ec2", "instance")
    return f"arn:{asking.partition}:{service}:{asking.region}:{asking.account_id}:{kind}/{node_id}"


def name_log_group(name: str, asking: Asking) -> str | None:
    """Return a log group's name by its name or ARN."""
    return name.partition(":log-group:")[2].split(":")[0] if is_arn(name) else name


def name_rule(name: str, asking: Asking) -> str | None:
    """Return a rule's name with its bus, if that is not the default one."""
    bus = next(iter(find_texts(asking.tree, ("EventBusName",))), "default").rpartition("/")[2]
    return name if bus == "default" or is_arn(name) else f"{bus}/{name}"


def name_package(name: str, asking: Asking) -> str | None:
    """Return a model package's name; one that is new in a group gets a number there."""
    groups = find_texts(asking.tree, ("ModelPackageGroupName",))
    return f"{groups[0].rpartition('/')[2]}/*" if groups else name


def name_key(name: str, asking: Asking) -> str | None:
    """Return a key's ARN by its id, its alias or either's ARN."""
    alias = name.partition(":alias/")[2] if is_arn(name) else name.removeprefix("alias/")
    is_alias = name.startswith("alias/") or ":alias/" in name
    return (find_key(f"alias/{alias}", asking) or "*") if is_alias else name


def name_secret(name: str, asking: Asking) -> str | None:
    """Return a secret's ARN."""
    return name if is_arn(name) else find_secret(name, asking) or name


def name_scaled(kind: re.Pattern[str], resource_id: str, asking: Asking) -> str | None:
    """Return the name of what a scalable target scales; None for targets of other kinds."""
    found = kind.fullmatch(resource_id)
    return found[1] if found else None


def name_scaling_role(kind: re.Pattern[str], role: str, resource_id: str, asking: Asking) -> str | None:
    """Return the service-linked role that scales targets of a kind, where it is still to be made."""
    new = f"arn:{asking.partition}:iam::{asking.account_id}:role/aws-service-role/{role}"
    is_there = find_in_iam("roles", role.rpartition("/")[2], asking) is not None
    return new if kind.fullmatch(resource_id) and not is_there else None


def name_ec2_resource(resource_id: str, asking: Asking) -> str | None:
    """Return the ARN of one of EC2's resources, whose id tells its type."""
    kind = EC2_KINDS.get(resource_id.partition("-")[0], "*")
    account_id = "" if kind in WITHOUT_ACCOUNT else asking.account_id
    return f"arn:{asking.partition}:ec2:{asking.region}:{account_id}:{kind}/{resource_id}"


NAMED: Mapping[str, Filter] = {
    "Document": name_document,
    "ManagedInstance": name_node,
    "Parameter": name_parameter,
}
"""Types of Systems Manager's resources whose ARNs are not written by type and id alone."""
FILTERS: Mapping[str, Filter] = {
    "document": name_document,
    "ec2": name_ec2_resource,
    "endpoint_scaling": partial(name_scaling_role, ENDPOINT, ENDPOINT_SCALING),
    "function": name_function,
    "function_scaling": partial(name_scaling_role, FUNCTION, FUNCTION_SCALING),
    "group": partial(name_in_iam, "groups", "group"),
    "host": name_host,
    "key": name_key,
    "key_owner": name_key_owner,
    "log_group": name_log_group,
    "node": name_node,
    "package": name_package,
    "parameter": name_parameter,
    "policy": name_new_policy,
    "profile": partial(name_in_iam, "instance_profiles", "instance-profile"),
    "profile_role": find_profile_role,
    "project": name_project,
    "queue": name_queue,
    "role": partial(name_in_iam, "roles", "role"),
    "rule": name_rule,
    "scaled_endpoint": partial(name_scaled, ENDPOINT),
    "scaled_function": partial(name_scaled, FUNCTION),
    "secret": name_secret,
    "stack": name_stack,
    "topic": name_topic,
    "typed": name_typed,
    "user": name_user,
}
"""The words after `|` in a table."""
