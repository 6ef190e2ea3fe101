"""Take no half answer of AWS's for a whole one.

botocore reads what comes until the connection ends, and does not hold it against Content-Length
(botocore/httpsession.py: `enforce_content_length=False`). Half a JSON document then reads as `{}`: no job, no
endpoint, no tags. So each answer is held against its length, and against the model: where that requires
members and none of them came, something on the way has lost them. botocore itself repairs S3's errors with
status 200 in this way: the answer becomes one of status 500, which is tried again as such, in every retry
mode, and raised when the tries are used up.

Bodies that are streamed (GetObject, Invoke) are held against their length by botocore, where they are read.
"""

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from botocore import session

if TYPE_CHECKING:
    from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook, BaseSessionFactory

    AnyHook = TypeVar("AnyHook", bound=AwsGenericHook[Any])

HALF = "HalfAnswer"
"""The code of the ClientError that is raised in the end: no service has one of this name."""

_UNCHECKED = ("content-encoding", "transfer-encoding")
"""With these headers the length is not that of the body, or the client's own HTTP holds it."""

LENGTH, MEMBERS = "musher-length", "musher-members"
"""By these names a session knows that it has a check already."""


class WholeAnswers:
    """Let a hook's clients hold their answers, and those by which it assumes its connection's role.

    It stands before the provider's hook in the bases of Musher's own. It is their sessions alone that hold: a
    triggerer and an API server are shared with other teams.
    """

    def get_session(self, region_name: str | None = None, deferrable: bool = False) -> Any:
        """Return a session for the hook's connection, as the provider does."""
        return make_session(self, region_name=region_name, deferrable=deferrable)


def with_whole_answers(hook: "AnyHook") -> "AnyHook":
    """Let the clients of a hook of the provider's do the same."""
    setattr(hook, "get_session", functools.partial(make_session, hook))  # noqa: B010  # mypy takes no method
    return hook


def make_session(hook: Any, region_name: str | None = None, deferrable: bool = False) -> Any:
    """Return a session for a hook's connection, whose clients hold their answers."""
    factory = session_factory()(conn=hook.conn_config, region_name=region_name, config=hook.config)
    return factory.create_session(deferrable=deferrable)


@functools.cache
def session_factory() -> "type[BaseSessionFactory]":
    """Return the installation's factory of sessions, with the checks in all that it makes."""
    from airflow.providers.amazon.aws.hooks.base_aws import SessionFactory  # not for the DAG's parse

    class WholeSessionFactory(SessionFactory):  # type: ignore[misc,valid-type]  # it is chosen by configuration
        """Prepare each session on its way out: the first one also asks for the connection's role."""

        def _create_basic_session(self, session_kwargs: dict[str, Any]) -> Any:
            return prepare(super()._create_basic_session(session_kwargs))

        def get_async_session(self) -> Any:
            return prepare(super().get_async_session())

        def create_session(self, deferrable: bool = False) -> Any:
            return prepare(super().create_session(deferrable=deferrable))

    return WholeSessionFactory


def prepare(made: Any) -> Any:
    """Let the clients of a session, boto3's, botocore's or aiobotocore's, hold their answers; return it."""
    core: session.Session = getattr(made, "_session", made)  # boto3's is a cover of botocore's
    events = core.get_component("event_emitter")
    events.register("before-parse", check_length, unique_id=LENGTH)
    events.register_first("needs-retry.*.*", check_members, unique_id=MEMBERS)
    return made


def check_length(
    *, operation_model: Any, response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any
) -> None:
    """Take an answer that is shorter than it says for a failure of the service."""
    missing = count_missing(operation_model, response_dict)
    if missing:
        came = len(response_dict["body"])
        response_dict.update(status_code=500, body=b"")
        customized_response_dict["Error"] = _error(f"{came} of {came + missing} bytes came")


def count_missing(operation_model: Any, answer: Mapping[str, Any]) -> int:
    """Return how many bytes of an answer have not come; 0 where that cannot be told."""
    body, headers = answer["body"], answer["headers"]
    is_bare = operation_model.http.get("method") == "HEAD" or answer["status_code"] in (204, 304)
    if is_bare or not isinstance(body, bytes) or any(headers.get(name) for name in _UNCHECKED):
        return 0
    said = str(headers.get("content-length", ""))
    return max(0, int(said) - len(body)) if said.isdecimal() else 0


def check_members(*, response: Any, operation: Any, **_: Any) -> None:
    """Give a half answer the status by which it is tried again; called before botocore decides that."""
    if response is None:
        return
    http, parsed = response
    if http.status_code < 300 and "Error" not in parsed and lacks_all(operation, parsed):
        parsed["Error"] = _error("none of the members came that the service's model requires")
    error = parsed.get("Error")
    if isinstance(error, Mapping) and error.get("Code") == HALF:
        http.status_code = 500


def lacks_all(operation: Any, parsed: Mapping[str, Any]) -> bool:
    """Return whether an answer has none of the members that it must have."""
    required = operation.output_shape.required_members if operation.output_shape else ()
    return bool(required) and not any(name in parsed for name in required)


def _error(what: str) -> dict[str, str]:
    return {"Code": HALF, "Message": f"{what}: the connection broke, or something on the way cut the answer"}
