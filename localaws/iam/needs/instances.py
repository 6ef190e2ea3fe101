"""What EC2 asks for beyond a table: the tags that a request gives belong to resources of one type each.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
"""

from collections.abc import Iterator, Mapping
from typing import Any

from localaws.iam.needs.arns import ARN_PARTS, Asking
from localaws.iam.needs.filters import WITHOUT_ACCOUNT
from localaws.iam.needs.state import find_launch_template
from localaws.iam.needs.trees import EACH, find, find_texts

LAUNCH = "RunInstances"
SPECIFICATIONS = "TagSpecification"
OF_TEMPLATES = {
    "IamInstanceProfile": "IamInstanceProfile",
    "ImageId": "ImageId",
    "InstanceType": "InstanceType",
    "KeyName": "KeyName",
    "MetadataOptions": "MetadataOptions",
    "SecurityGroupId": "SecurityGroupIds",
}
"""Member of a launch -> that of its template."""
CREATE_ACTION = "ec2:createaction"


def complete(asking: Asking) -> None:
    """Put into a launch what its template says and the request does not."""
    named = asking.tree.get("LaunchTemplate")
    template = find_launch_template(named, asking) if isinstance(named, dict) else {}
    said = {name: template[member] for name, member in OF_TEMPLATES.items() if template.get(member)}
    tags = [
        {"ResourceType": each.get("ResourceType"), "Tag": each.get("Tags")}
        for each in template.get("TagSpecifications") or ()
    ]
    sent = asking.tree.get(SPECIFICATIONS) or []
    asking.tree = {**said, **asking.tree, SPECIFICATIONS: [*tags, *sent]}


def find_new_tags(asking: Asking) -> Mapping[str, Mapping[str, str]]:
    """Return the tags that a request gives to what it makes, by type of resource."""
    found: dict[str, dict[str, str]] = {}
    for each in find(asking.tree, (SPECIFICATIONS, EACH)):
        for kind in find_texts(each, ("ResourceType",)):
            keys, values = (
                [str(tag.get(name, "")) for tag in find(each, ("Tag", EACH)) if isinstance(tag, dict)]
                for name in ("Key", "Value")
            )
            found.setdefault(kind, {}).update(zip(keys, values, strict=True))
    return {kind: tags for kind, tags in found.items() if tags}


def kind_of(resource: str) -> str:
    """Return the type of one of EC2's resources."""
    return resource.split(":", ARN_PARTS - 1)[-1].partition("/")[0]


def find_tagging(asking: Asking, tags: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield what ec2:CreateTags must be allowed on, and what for, by type of what gets tags."""
    for kind in tags:
        account_id = "" if kind in WITHOUT_ACCOUNT else asking.account_id
        resource = f"arn:{asking.partition}:ec2:{asking.region}:{account_id}:{kind}/*"
        yield resource, {CREATE_ACTION: asking.operation}
