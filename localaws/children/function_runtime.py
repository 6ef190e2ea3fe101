"""Run a Lambda handler: the Runtime API client for machines where awslambdaric has no wheel.

Copied into LAMBDA_RUNTIME_DIR as `localaws_runtime.py`. Standard library only; speaks the Runtime API
(https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html) and words errors as the Python runtimes do.
"""

import decimal
import http.client
import importlib
import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

Handler = Callable[[Any, "LambdaContext"], Any]
API = "/2018-06-01/runtime"


class HandlerError(Exception):
    """A handler that cannot be loaded, or an answer that cannot be sent; `kind` is Lambda's word for it."""

    def __init__(self, kind: str, message: str, trace: list[str] | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.trace = trace or []


class Identity:
    """The Cognito identity of a mobile caller."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.cognito_identity_id = document.get("cognitoIdentityId")
        self.cognito_identity_pool_id = document.get("cognitoIdentityPoolId")

    def __repr__(self) -> str:
        """Return what Lambda's own class returns."""
        ids = f"cognito_identity_id={self.cognito_identity_id}"
        return f"CognitoIdentity([{ids},cognito_identity_pool_id={self.cognito_identity_pool_id}])"


class ClientContext:
    """What a client sent as ClientContext."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.custom = document.get("custom")
        self.env = document.get("env")
        self.client = document.get("client")


class LambdaContext:
    """The second argument of a handler."""

    def __init__(self, headers: "http.client.HTTPMessage") -> None:
        client = headers.get("Lambda-Runtime-Client-Context")
        identity = headers.get("Lambda-Runtime-Cognito-Identity")
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.client_context = ClientContext(json.loads(client)) if client else None
        self.identity = Identity(json.loads(identity) if identity else {})
        self._deadline_ms = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the function's Timeout."""
        return max(0, self._deadline_ms - int(time.time() * 1000))

    def __repr__(self) -> str:
        """Return the fields by name, as Lambda's own class does: functions do send `str(context)`."""
        fields = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        return f"LambdaContext([{','.join(f'{name}={value}' for name, value in fields.items())}])"

    def log(self, message: object) -> None:
        """Write to the log."""
        sys.stdout.write(str(message))


class RequestIdFilter(logging.Filter):
    """Give every record the id of the current invocation."""

    request_id = ""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the id."""
        record.aws_request_id = self.request_id
        return True


class RuntimeApi:
    """The Runtime API over one connection that is kept open."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address)

    def next_invocation(self) -> "tuple[http.client.HTTPMessage, bytes]":
        """Wait for the next event."""
        self._connection.request("GET", f"{API}/invocation/next")
        response = self._connection.getresponse()
        return response.headers, response.read()

    def post(self, path: str, body: bytes, *, headers: dict[str, str] | None = None) -> None:
        """Post an answer; raises RuntimeError where it is not accepted."""
        self._connection.request("POST", f"{API}/{path}", body=body, headers=headers or {})
        response = self._connection.getresponse()
        answer = response.read()
        if response.status != 202:
            raise RuntimeError(f"the Runtime API refused {path}: {response.status} {answer.decode()}")


def load_handler(name: str) -> Handler:
    """Import the handler `module.function`; raises HandlerError as the Python runtimes word it."""
    module_name, dot, function_name = name.rpartition(".")
    if not dot:
        reason = "not enough values to unpack (expected 2, got 1)"
        raise HandlerError("Runtime.MalformedHandlerName", f"Bad handler '{name}': {reason}")
    if module_name.split(".")[0] in sys.builtin_module_names:
        message = f"Cannot use built-in module {module_name} as a handler module"
        raise HandlerError("Runtime.BuiltInModuleConflict", message)
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        message = f"Unable to import module '{module_name}': {error}"
        raise HandlerError("Runtime.ImportModuleError", message) from error
    except SyntaxError as error:
        message = f"Syntax error in module '{module_name}': {error}"
        trace = [f'  File "{error.filename}" Line {error.lineno}\n    {error.text}']
        raise HandlerError("Runtime.UserCodeSyntaxError", message, trace) from error
    if not hasattr(module, function_name):
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        raise HandlerError("Runtime.HandlerNotFound", message)
    handler: Handler = getattr(module, function_name)
    return handler


def describe(error: BaseException, *, request_id: str) -> dict[str, Any]:
    """Return the error document of a failed handler, without our own frames in the trace."""
    if isinstance(error, HandlerError):
        kind, trace = error.kind, error.trace
    else:
        kind = type(error).__name__
        frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != __file__]
        trace = traceback.format_list([f for f in frames if "importlib" not in f.filename])
    return {"errorMessage": str(error), "errorType": kind, "requestId": request_id, "stackTrace": trace}


RECORD_FIELDS = frozenset(
    vars(logging.makeLogRecord({})) | {"message": None, "asctime": None, "aws_request_id": None}
)
"""What a record has of itself; anything else came as `extra`."""


class JsonFormatter(logging.Formatter):
    """One object a record, as `LogFormat` JSON has it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record on one line."""
        is_document = isinstance(record.msg, dict) and not record.args
        found: dict[str, Any] = {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname,
            "message": record.msg if is_document else record.getMessage(),
            "logger": record.name,
            "requestId": getattr(record, "aws_request_id", ""),
        }
        if record.exc_info and record.exc_info[0] is not None:
            found |= {
                "errorType": record.exc_info[0].__name__,
                "errorMessage": str(record.exc_info[1]),
                "stackTrace": traceback.format_tb(record.exc_info[2]),
                "location": f"{record.pathname}:{record.funcName}:{record.lineno}",
            }
        extra = {name: value for name, value in vars(record).items() if name not in RECORD_FIELDS}
        return json.dumps({name: value for name, value in (extra | found).items() if value}, default=str)


def is_json() -> bool:
    """Return whether the log is JSON."""
    return os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON"


def log_error(document: dict[str, Any]) -> None:
    """Write an error as one log event: carriage returns hold its lines together."""
    if is_json():
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        sys.stdout.write(json.dumps({"timestamp": now, "level": "ERROR"} | document) + "\n")
        sys.stdout.flush()
        return
    lines = [
        f"[ERROR] {document['errorType']}: {document['errorMessage']}",
        "Traceback (most recent call last):",
    ]
    lines += [indent(line) for entry in document["stackTrace"] for line in entry.splitlines()]
    sys.stdout.write("\r".join(lines) + "\n")
    sys.stdout.flush()


def indent(line: str) -> str:
    """Return a line whose leading spaces are no-break spaces, which no viewer of logs takes away."""
    text = line.lstrip(" ")
    return "\u00a0" * (len(line) - len(text)) + text


def encode_number(value: object) -> float:
    """Return a Decimal, as DynamoDB has them, as a number of JSON; raises TypeError for anything else."""
    if isinstance(value, decimal.Decimal):
        is_whole = value.is_finite() and value == value.to_integral_value()
        return int(value) if is_whole else float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def encode(answer: object) -> bytes:
    """Return an answer as JSON; bytes go as they are."""
    if isinstance(answer, bytes):
        return answer
    try:
        return json.dumps(answer, default=encode_number).encode()
    except (TypeError, ValueError) as error:
        raise HandlerError("Runtime.MarshalError", f"Unable to marshal response: {error}") from error


def handle(api: RuntimeApi, handler: Handler, *, request_ids: RequestIdFilter) -> None:
    """Take one event, run the handler and post its answer or its error."""
    headers, body = api.next_invocation()
    request_id = headers["Lambda-Runtime-Aws-Request-Id"]
    request_ids.request_id = request_id
    os.environ["_X_AMZN_TRACE_ID"] = headers.get("Lambda-Runtime-Trace-Id", "")
    try:
        answer = encode(handler(json.loads(body), LambdaContext(headers)))
    except Exception as error:  # noqa: BLE001 - the boundary between the runtime and a user's code
        document = describe(error, request_id=request_id)
        log_error(document)
        api.post(f"invocation/{request_id}/error", json.dumps(document).encode())
    else:
        api.post(f"invocation/{request_id}/response", answer)


def set_up_logging() -> RequestIdFilter:
    """Send the root logger to stdout in Lambda's format."""
    logging.Formatter.converter = time.gmtime
    output = logging.StreamHandler(sys.stdout)
    layout = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
    text = logging.Formatter(layout, "%Y-%m-%dT%H:%M:%S")
    output.setFormatter(JsonFormatter() if is_json() else text)
    if is_json():
        level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "INFO")
        logging.getLogger().setLevel({"TRACE": "DEBUG", "FATAL": "CRITICAL"}.get(level, level))
    request_ids = RequestIdFilter()
    output.addFilter(request_ids)
    logging.getLogger().addHandler(output)
    return request_ids


def run_handler(name: str) -> None:
    """Load the handler and serve events for ever; exits with 1 where it cannot be loaded."""
    request_ids = set_up_logging()
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = load_handler(name)
    except Exception as error:  # noqa: BLE001 - the boundary between the runtime and a user's code
        document = describe(error, request_id="")
        log_error(document)
        kind = {"Lambda-Runtime-Function-Error-Type": document["errorType"]}
        api.post("init/error", json.dumps(document).encode(), headers=kind)
        sys.exit(1)
    while True:
        handle(api, handler, request_ids=request_ids)
