"""Actions of CloudFormation that read a template: its size, its form and its capabilities are checked first.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""

from collections.abc import Mapping
from functools import wraps
from typing import Any

from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult

from localaws.cloudformation.capabilities import require_capabilities, summarize
from localaws.cloudformation.failures import Action, read_stack_failure, with_wish
from localaws.cloudformation.names import require_stack_name
from localaws.cloudformation.templates import load
from localaws.cloudformation.validation import require_form
from localaws.wire.wording import length_at_most, tell_one

MAX_BODY_BYTES, MAX_OBJECT_BYTES = 51_200, 1_000_000
"""Bytes of a template in a request, and in S3."""
_fetch = CloudFormationResponse._get_stack_from_s3_url
_create_stack = CloudFormationResponse.create_stack
_create_change_set = CloudFormationResponse.create_change_set
_update_stack = CloudFormationResponse.update_stack
_execute_change_set = CloudFormationResponse.execute_change_set
_validate_template = CloudFormationResponse.validate_template
_summarize_template = CloudFormationResponse.get_template_summary


def add_actions() -> None:
    """Put these in the place of moto's."""
    replacements: dict[str, Any] = {
        "_get_stack_from_s3_url": fetch_template,
        "create_stack": with_wish(create_stack),
        "create_change_set": create_change_set,
        "update_stack": with_wish(update_stack),
        "execute_change_set": with_wish(_execute_change_set),
        "validate_template": with_capabilities(_validate_template),
        "get_template_summary": with_capabilities(_summarize_template),
    }
    for name, function in replacements.items():
        setattr(CloudFormationResponse, name, function)


def create_stack(response: CloudFormationResponse) -> Any:
    """Serve CreateStack; stacks that are made for others have names of other kinds."""
    name = str(response._get_param("StackName"))
    require_stack_name(name)
    require_template(response)
    answer = _create_stack(response)
    note_capabilities(response, name)
    return answer


def update_stack(response: CloudFormationResponse) -> Any:
    """Serve UpdateStack: what the template does is to be acknowledged each time."""
    require_template(response)
    answer = _update_stack(response)
    note_capabilities(response, str(response._get_param("StackName")))
    return answer


def create_change_set(response: CloudFormationResponse) -> Any:
    """Serve CreateChangeSet; what is to be done on failure is kept until it is executed."""
    wish = read_stack_failure(response)
    require_template(response, is_expanded=False)
    answer: Any = _create_change_set(response)
    change_set: Any = response.cloudformation_backend.change_sets[answer.result["Id"]]
    change_set.on_stack_failure, change_set.capabilities = wish, read_capabilities(response)
    return answer


def note_capabilities(response: CloudFormationResponse, name: str) -> None:
    """Keep with a stack what was acknowledged; DescribeStacks tells it."""
    for stack in response.cloudformation_backend.stacks.values():
        if name in (stack.name, stack.stack_id):
            setattr(stack, "capabilities", read_capabilities(response))  # noqa: B010 - moto has no such member


def read_capabilities(response: CloudFormationResponse) -> list[str]:
    """Return what a request acknowledges."""
    return list(response._get_param("Capabilities", []))


def require_template(response: CloudFormationResponse, *, is_expanded: bool = True) -> None:
    """Refuse a template that is too large, of no form, or does what was not acknowledged."""
    template = read_template(response)
    if template is not None:
        require_form(template)
        require_capabilities(template, read_capabilities(response), is_expanded=is_expanded)


def read_template(response: CloudFormationResponse) -> Mapping[str, Any] | None:
    """Return the template that a request sends, names or goes on using; None where it says none."""
    body, url, name = (response._get_param(each) for each in ("TemplateBody", "TemplateURL", "StackName"))
    if body and len(body.encode()) > MAX_BODY_BYTES:
        rule = length_at_most(MAX_BODY_BYTES)
        raise ValidationError(message=tell_one(value=body, member="templateBody", rule=rule))
    if not body and url:
        body = response._get_stack_from_s3_url(url)
    if (
        not body
        and name
        and (response._get_bool_param("UsePreviousTemplate", False) or _is_summary(response))
    ):
        body = response.cloudformation_backend.get_stack(name).template
    return load(body) if body else None


def _is_summary(response: CloudFormationResponse) -> bool:
    return bool(response._get_action() == "GetTemplateSummary")


def fetch_template(response: CloudFormationResponse, template_url: str) -> str:
    """Return a template in S3; raises ValidationError for one that is too large."""
    text = _fetch(response, template_url)
    if len(text.encode()) > MAX_OBJECT_BYTES:
        raise ValidationError(message=f"Template may not exceed {MAX_OBJECT_BYTES} bytes in size.")
    return text


def with_capabilities(action: Action) -> Action:
    """Return an action that tells of a template also what it needs."""

    @wraps(action)
    def answer(response: CloudFormationResponse) -> Any:
        template = read_template(response)
        told: Any = action(response)
        return ActionResult({**told.result, **summarize(template or {})})

    return answer
