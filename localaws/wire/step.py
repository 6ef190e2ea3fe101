"""Refuse what AWS's service models do not allow, before anything acts on it.

Native routes come before: of Invoke and InvokeEndpoint, a function's or a model's code alone knows the body.
"""

import asyncio
import logging
from dataclasses import replace

from localaws.asgi import Request, Response
from localaws.coverage import find_refusal as find_absence
from localaws.protocols import Call, Protocol, not_implemented, read_call
from localaws.steps import Exchange, Forward
from localaws.wire.bodies import is_form
from localaws.wire.checks import WrongTypeError
from localaws.wire.compiler import find_compiler
from localaws.wire.readers import UnreadableError, read_json, read_query, read_rest_json
from localaws.wire.refusals import SERVICES, Contract, invalid, unreadable
from localaws.wire.whole_numbers import rewrite
from localaws.wire.wording import NOT_NULL, Violation, matches, tell

logger = logging.getLogger(__name__)

LARGE_BYTES = 256 * 1024
"""Larger bodies are read in a thread, so that other requests go on."""
LARGE_FORM_BYTES = 16 * 1024
"""The same of forms, whose reading takes longer."""

MISSING = "MissingParameter"
READ_PROTOCOLS = (Protocol.JSON, Protocol.REST_JSON, Protocol.QUERY, Protocol.EC2)
"""Protocols whose members are read."""


async def check_by_model(exchange: Exchange, forward: Forward) -> None:
    """Answer a request that breaks the model of its service; hand on every other."""
    refusal = await find_refusal(exchange.request)
    if refusal is None:
        await forward(exchange)
    else:
        await refusal.send(exchange.send)


async def find_refusal(request: Request) -> Response | None:
    """Return the answer to a request that the model does not allow, else None."""
    if "Credential=" not in request.headers.get("authorization", ""):
        return None
    if not may_be_checked(request):
        return None
    body = await request.body()
    if len(body) > (LARGE_FORM_BYTES if is_form(request) else LARGE_BYTES):
        return await asyncio.to_thread(check, request, body)
    return check(request, body)


def check(request: Request, body: bytes) -> Response | None:
    """Return the refusal of a request; where there is none, its whole numbers are written as such."""
    refusal = judge(request, body)
    if refusal is None:
        request.replace_body(
            rewrite(
                body, method=request.method, path=request.path, query=request.query, headers=request.headers
            )
        )
    return refusal


def may_be_checked(request: Request) -> bool:
    """Tell whether a request is signed for a service that is checked, so that its body may be read."""
    return any(f"/{service}/aws4_request" in request.headers["authorization"] for service in SERVICES)


def judge(request: Request, body: bytes) -> Response | None:
    """Return the refusal of a request, else None."""
    call = read_call(
        method=request.method, path=request.path, query=request.query, headers=request.headers, body=body
    )
    contract = SERVICES.get(call.service) if call else None
    if call is None or contract is None or call.protocol not in READ_PROTOCOLS:
        return None
    if reason := find_absence(call):
        return not_implemented(call, detail=reason)
    try:
        found = check_members(call, contract, request=request, body=body)
    except (UnreadableError, WrongTypeError) as error:
        return unreadable(call, message=str(error))
    if not found:
        return None
    logger.info("%s:%s is refused: %s", call.service, call.action, found[0])
    return invalid(call, message=word(found, contract=contract))


def check_members(call: Call, contract: Contract, *, request: Request, body: bytes) -> list[Violation]:
    """Return what is wrong with a request's members; raises UnreadableError and WrongTypeError."""
    compiler = find_compiler(contract.model)
    check = compiler.check_for(call.action) if compiler else None
    if compiler is None or check is None:
        return []
    operation = compiler.model.operation_model(call.action)
    if call.protocol is Protocol.JSON:
        members = read_json(body)
    elif call.protocol is Protocol.REST_JSON:
        members = read_rest_json(
            operation, path=request.path, query=request.query, headers=request.headers, body=body
        )
    elif operation.input_shape is None:
        members = {}
    else:
        members = read_query(operation.input_shape, body, protocol=call.protocol)
    found: list[Violation] = []
    check(members, "", found)
    if contract.code == MISSING:  # of all else these services have their own words, or take it
        return [violation for violation in found if violation.rule == NOT_NULL]
    return [each for each in found if each.member not in contract.own_words or each.rule == NOT_NULL]


def word(found: list[Violation], *, contract: Contract) -> str:
    """Return the message; EC2, SQS and ECR name one parameter only."""
    if contract.code == MISSING:
        name = found[0].member
        return f"The request must contain the parameter {name[:1].upper()}{name[1:]}"
    if contract.sentence:
        return contract.sentence.format(member=found[0].member, rule=found[0].rule)
    if own := [sentence for violation in found if (sentence := find_sentence(violation, contract))]:
        return own[0]
    return tell(
        [replace(each, is_secret=each.is_secret or each.member in contract.unrepeated) for each in found]
    )


def find_sentence(violation: Violation, contract: Contract) -> str | None:
    """Return the service's own sentence about a member that does not match its pattern, or None."""
    for pattern, sentence in contract.pattern_sentences.items():
        if violation.rule == matches(pattern):
            return f"The specified value for {violation.member} is invalid. {sentence}"
    return None
