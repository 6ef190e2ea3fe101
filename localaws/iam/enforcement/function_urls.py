"""What a request to a function URL with AWS_IAM needs; the route itself verifies the signature.

https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
"""

from localaws.asgi import Request
from localaws.faults.asked import Asked
from localaws.functions.addresses.authorization import NEEDED_ACTIONS
from localaws.functions.addresses.service import ROUTE, find_url
from localaws.functions.permissions.policy import AUTH_TYPE, VIA_URL
from localaws.iam.needs.facts import RequestFacts
from localaws.iam.needs.need import Need
from localaws.iam.signatures import SignatureError, read_signature
from localaws.protocols import Call, Protocol
from localaws.s3.target import Caller


def read_url(request: Request) -> tuple[Asked, tuple[Need, ...]] | None:
    """Return what a request needs.

    None for what is no URL of a function, for one that is open to all, and for a request without a signature
    that can be read, which the route refuses.
    """
    match = ROUTE.fullmatch(request.path)
    found = find_url(match["id"]) if match else None
    if found is None or found[1].auth_type == "NONE":
        return None
    target, url = found
    try:
        signature = read_signature(request)
    except SignatureError:
        return None
    if signature is None:
        return None
    call = Call(service="lambda", action="InvokeFunctionUrl", protocol=Protocol.REST_JSON)
    caller = Caller(access_key_id=signature.access_key_id, service="lambda", region=signature.region)
    asked = Asked(call=call, caller=caller, request=request)
    given = {AUTH_TYPE.lower(): url.auth_type, VIA_URL.lower(): "true"}
    arn, account_id = target.arn(), target.account_id
    facts = RequestFacts(given, asked=asked, resource=arn, account_id=account_id)
    needs = tuple(
        Need(action=action, resource=arn, account_id=account_id, facts=facts, resource_policy_of=arn)
        for action in NEEDED_ACTIONS
    )
    return asked, needs
