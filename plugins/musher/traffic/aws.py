"""Requests to a SageMaker endpoint and to a Lambda function, signed as botocore signs them.

boto3 finds the region, the credentials and the address (AWS_ENDPOINT_URL and its kin included); only its
blocking connections are not used. A signature holds for five minutes and covers no counter, so each request
is signed anew every RENEW_S seconds and sent many times in between, which leaves the processor to the load.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError

from musher.errors import TrafficError
from musher.traffic.origins import AGENT, MAX_LAMBDA_BODY_BYTES, MAX_SAGEMAKER_BODY_BYTES, Request

RENEW_S = 60.0
"""Seconds: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html says five minutes."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One API call, before it is signed."""

    service: str
    """boto3's name of its client."""
    path: str
    headers: Mapping[str, str]
    body: bytes
    description: Mapping[str, str]


class AwsOrigin:
    """One call of a service, or some that differ in their bodies, signed anew from time to time."""

    renew_s: float | None = RENEW_S

    def __init__(self, call: Call, *more: Call, session: Any = None, endpoint_url: str | None = None) -> None:
        self._calls = (call, *more)
        self._session = session or boto3.Session()
        try:
            meta = self._session.client(call.service, endpoint_url=endpoint_url).meta
        except BotoCoreError as error:
            raise TrafficError(f"There is no client of {call.service}: {error}") from error
        self._url = meta.endpoint_url.rstrip("/") + call.path
        self._region, self._signing_name = meta.region_name, meta.service_model.signing_name

    def make_requests(self) -> Sequence[Request]:
        """Return the calls with fresh signatures; raises TrafficError where there are no credentials."""
        try:
            credentials = self._session.get_credentials()
            if credentials is None:
                raise TrafficError("There are no AWS credentials. Configure some, as for any AWS client.")
            frozen = credentials.get_frozen_credentials()
        except BotoCoreError as error:
            raise TrafficError(f"The AWS credentials cannot be had: {error}") from error
        signer = SigV4Auth(frozen, self._signing_name, self._region)
        return [self._sign(call, signer) for call in self._calls]

    def _sign(self, call: Call, signer: SigV4Auth) -> Request:
        headers = {"User-Agent": AGENT, **call.headers}
        request = AWSRequest(method="POST", url=self._url, data=call.body, headers=headers)
        signer.add_auth(request)
        return Request(method="POST", url=self._url, headers=dict(request.headers.items()), body=call.body)

    def describe(self) -> dict[str, str]:
        """Return the resource, and the address it is called at."""
        return {**self._calls[0].description, "url": self._url}


def endpoint_call(
    endpoint_name: str, *, body: bytes, content_type: str = "image/jpeg", variant: str | None = None
) -> Call:
    """Call a real-time endpoint.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
    """
    _check_size(body, MAX_SAGEMAKER_BODY_BYTES, "SageMaker")
    headers = {"Content-Type": content_type}
    if variant is not None:
        headers["X-Amzn-SageMaker-Target-Variant"] = variant
    return Call(
        service="sagemaker-runtime",
        path=f"/endpoints/{quote(endpoint_name, safe='')}/invocations",
        headers=headers,
        body=body,
        description={"kind": "sagemaker", "endpoint": endpoint_name, "variant": variant or ""},
    )


def function_call(function_name: str, *, body: bytes, qualifier: str | None = None) -> Call:
    """Invoke a function and wait for its answer.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """
    _check_size(body, MAX_LAMBDA_BODY_BYTES, "Lambda")
    query = "?" + urlencode({"Qualifier": qualifier}) if qualifier else ""
    return Call(
        service="lambda",
        path=f"/2015-03-31/functions/{quote(function_name, safe='')}/invocations{query}",
        headers={"Content-Type": "application/json", "X-Amz-Invocation-Type": "RequestResponse"},
        body=body,
        description={"kind": "lambda", "function": function_name, "qualifier": qualifier or ""},
    )


def _check_size(body: bytes, limit: int, service: str) -> None:
    if len(body) > limit:
        raise TrafficError(f"The body has {len(body)} bytes; {service} takes {limit}. Send a smaller one.")
