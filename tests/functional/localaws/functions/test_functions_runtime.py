"""What handlers see and what becomes of their answers: the same with awslambdaric and with our own client."""

import json
import re
import threading
import time
from typing import Any

import pytest

ECHO = "def handler(event, context):\n    return event\n"


def test_a_function_answers_its_event(on_each_client: Any) -> None:
    name = on_each_client.create(ECHO)
    answer = on_each_client.invoke(name, {"url": "https://example.com/ä.jpg", "n": [1, 2.5, None]})
    assert (answer.status, answer.error, answer.version) == (200, None, "$LATEST")
    assert answer.json == {"url": "https://example.com/ä.jpg", "n": [1, 2.5, None]}


def test_no_payload_is_an_empty_event(on_each_client: Any) -> None:
    assert on_each_client.invoke(on_each_client.create(ECHO)).json == {}


def test_a_raised_error_is_unhandled_with_type_message_and_trace(on_each_client: Any) -> None:
    name = on_each_client.create("def handler(event, context):\n    raise ValueError('no such breed')\n")
    answer = on_each_client.invoke(name, {})
    assert (answer.status, answer.error) == (200, "Unhandled")
    assert (answer.json["errorType"], answer.json["errorMessage"]) == ("ValueError", "no such breed")
    assert answer.json["requestId"] == answer.request_id
    assert len(answer.json["stackTrace"]) == 1
    assert re.search(r'app.py", line 2, in handler', answer.json["stackTrace"][0])
    assert "[ERROR] ValueError: no such breed\nTraceback (most recent call last):\n" in answer.log


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        (
            "import torch\n",
            "Runtime.ImportModuleError",
            "Unable to import module 'app': No module named 'torch'",
        ),
        ("x = 1\n", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
        ("def handler(:\n", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app': invalid syntax"),
        ("1 / 0\n", "ZeroDivisionError", "division by zero"),
    ],
)
def test_a_module_that_does_not_load_says_why(
    on_each_client: Any, source: str, kind: str, message: str
) -> None:
    """A package that is not in the archive is missing here too, although localaws has it installed."""
    answer = on_each_client.invoke(on_each_client.create(source), {})
    assert (answer.status, answer.error, answer.json["errorType"]) == (200, "Unhandled", kind)
    assert answer.json["errorMessage"].startswith(message)
    assert f"[ERROR] {kind}: {message}" in answer.log


@pytest.mark.parametrize(
    ("body", "ending"),
    [
        ("import sys; sys.exit(1)", "Runtime exited with error: exit status 1"),
        ("import os; os._exit(0)", "Runtime exited without providing a reason"),
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
            "Runtime exited with error: signal: killed",
        ),
    ],
)
def test_a_process_that_ends_is_an_exit_error_and_the_next_event_gets_a_new_one(
    on_each_client: Any, body: str, ending: str
) -> None:
    name = on_each_client.create(
        f"def handler(event, context):\n    if event:\n        {body}\n    return 'ok'\n"
    )
    answer = on_each_client.invoke(name, {"die": True})
    expected = {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {answer.request_id} Error: {ending}",
    }
    assert (answer.status, answer.error, answer.json) == (200, "Unhandled", expected)
    assert on_each_client.invoke(name, {}).json == "ok"


def test_a_function_is_stopped_at_its_timeout(on_each_client: Any) -> None:
    source = "import time\ndef handler(event, context):\n    print('begun')\n    time.sleep(event['s'])\n"
    name = on_each_client.create(source, Timeout=1)
    answer = on_each_client.invoke(name, {"s": 60})
    message = f"RequestId: {answer.request_id} Error: Task timed out after 1.00 seconds"
    assert (answer.status, answer.error) == (200, "Unhandled")
    assert answer.json == {"errorType": "Sandbox.Timedout", "errorMessage": message}
    assert "begun\n" in answer.log
    assert f"{answer.request_id} Task timed out after 1.00 seconds\n" in answer.log
    assert answer.log.endswith("Status: timeout\t\n")
    assert on_each_client.invoke(name, {"s": 0}).error is None


def test_an_answer_that_is_no_json_is_a_marshal_error(on_each_client: Any) -> None:
    answer = on_each_client.invoke(
        on_each_client.create("def handler(event, context):\n    return {1}\n"), {}
    )
    assert answer.json["errorType"] == "Runtime.MarshalError"
    assert answer.json["errorMessage"] == (
        "Unable to marshal response: Object of type set is not JSON serializable"
    )


def test_an_answer_over_six_megabytes_is_refused(on_each_client: Any) -> None:
    source = "def handler(event, context):\n    return 'x' * event['n']\n"
    name = on_each_client.create(source)
    assert len(on_each_client.invoke(name, {"n": 6_000_000}).payload) == 6_000_002
    answer = on_each_client.invoke(name, {"n": 6_400_000})
    assert (answer.error, answer.json["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")
    assert answer.json["errorMessage"] == (
        "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
    )
    assert on_each_client.invoke(name, {"n": 1}).json == "x"


CONTEXT = """
def handler(event, context):
    return {
        "id": context.aws_request_id, "arn": context.invoked_function_arn, "name": context.function_name,
        "version": context.function_version, "memory": context.memory_limit_in_mb,
        "group": context.log_group_name, "stream": context.log_stream_name,
        "left": context.get_remaining_time_in_millis(),
        "text": str(context),
        "custom": context.client_context.custom if context.client_context else None,
    }
"""


def test_the_context_object_is_lambdas(on_each_client: Any) -> None:
    name = on_each_client.create(CONTEXT, Timeout=7, MemorySize=256)
    client_context = "eyJjdXN0b20iOiB7ImEiOiAiYiJ9fQ=="  # {"custom": {"a": "b"}}
    answer = on_each_client.invoke(name, {}, ClientContext=client_context)
    seen = answer.json
    assert seen["id"] == answer.request_id
    assert seen["arn"] == f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
    assert (seen["name"], seen["version"], seen["memory"]) == (name, "$LATEST", "256")
    assert seen["group"] == f"/aws/lambda/{name}"
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", seen["stream"])
    assert 5000 < seen["left"] <= 7000
    assert seen["custom"] == {"a": "b"}
    assert seen["text"].startswith(f"LambdaContext([aws_request_id={answer.request_id},")
    assert f"function_name={name},memory_limit_in_mb=256,function_version=$LATEST" in seen["text"]


ENVIRONMENT = """
import logging, os, sys
logging.getLogger().setLevel("INFO")
def handler(event, context):
    logging.info("logged")
    return {"env": dict(os.environ), "cwd": os.getcwd(), "path": sys.path, "python": sys.version.split()[0]}
"""


def test_the_environment_is_lambdas(on_each_client: Any) -> None:
    name = on_each_client.create(
        ENVIRONMENT, Environment={"Variables": {"ENDPOINT_NAME": "dogs", "TZ": "UTC"}}
    )
    answer = on_each_client.invoke(name, {})
    env = answer.json["env"]
    assert (env["ENDPOINT_NAME"], env["TZ"]) == ("dogs", "UTC")
    assert (env["_HANDLER"], env["AWS_LAMBDA_FUNCTION_NAME"]) == ("app.handler", name)
    assert (env["AWS_LAMBDA_FUNCTION_VERSION"], env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]) == ("$LATEST", "128")
    assert (env["AWS_REGION"], env["AWS_EXECUTION_ENV"]) == ("us-east-1", "AWS_Lambda_python3.11")
    assert env["AWS_ENDPOINT_URL"] == on_each_client.server.url
    assert env["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert answer.json["cwd"] == env["LAMBDA_TASK_ROOT"]
    assert env["LAMBDA_TASK_ROOT"] in answer.json["path"]
    assert not [entry for entry in answer.json["path"] if "site-packages" in entry]
    assert re.search(rf"\[INFO\]\t\S+Z\t{answer.request_id}\tlogged\n", answer.log)
    assert f"(run by Python {answer.json['python']})" in on_each_client.log_events(name)[0]


def test_boto3_is_there_and_speaks_as_the_role(on_each_client: Any) -> None:
    source = "import boto3\ndef handler(event, context):\n"
    source += "    return boto3.client('sts').get_caller_identity()['Arn']\n"
    role = on_each_client.make_role(f"caller-{on_each_client.create(ECHO)}")
    name = on_each_client.create(source, Role=role, Timeout=20)
    role_name = role.rsplit("/", 1)[-1]
    assert (
        on_each_client.invoke(name, {}).json == f"arn:aws:sts::123456789012:assumed-role/{role_name}/{name}"
    )


def test_the_log_of_a_cold_and_a_warm_start(on_each_client: Any) -> None:
    source = "print('at import')\ndef handler(event, context):\n    print('one\\ntwo')\n"
    name = on_each_client.create(source)
    cold, warm = on_each_client.invoke(name, {}), on_each_client.invoke(name, {})
    lines = cold.log.splitlines()
    assert lines[:5] == [
        "at import",
        f"START RequestId: {cold.request_id} Version: $LATEST",
        "one",
        "two",
        f"END RequestId: {cold.request_id}",
    ]
    number = r"\d+\.\d\d ms"
    report = rf"REPORT RequestId: {cold.request_id}\tDuration: {number}\tBilled Duration: \d+ ms\t"
    memory = r"Memory Size: 128 MB\tMax Memory Used: \d+ MB\t"
    assert re.fullmatch(report + memory + rf"Init Duration: {number}\t", lines[5])
    assert "Init Duration" not in warm.log
    assert warm.log.startswith(f"START RequestId: {warm.request_id}")
    events = on_each_client.log_events(name)
    assert "".join(events).count("two") == 2
    assert events[0].startswith("INIT_START Runtime Version: python3.11"), "CloudWatch alone keeps it"


def test_the_log_tail_is_the_last_four_kilobytes(on_each_client: Any) -> None:
    name = on_each_client.create(
        "def handler(event, context):\n    for i in range(3000):\n        print('line', i)\n"
    )
    log = on_each_client.invoke(name, {}).log
    assert len(log.encode()) == 4096
    assert "line 2999\n" in log
    assert len(on_each_client.log_events(name)) >= 3000
    assert on_each_client.invoke(name, {}, LogType="None").log == ""


def test_memory_over_the_limit_kills_the_function(on_each_client: Any) -> None:
    source = "import time\ndef handler(event, context):\n"
    source += "    kept = bytearray(event['mb'] << 20)\n    time.sleep(1)\n"
    name = on_each_client.create(source)
    answer = on_each_client.invoke(name, {"mb": 200})
    assert (answer.error, answer.json["errorType"]) == ("Unhandled", "Runtime.OutOfMemory")
    assert "signal: killed" in answer.json["errorMessage"]
    assert on_each_client.invoke(name, {"mb": 20}).error is None


def test_a_layer_is_on_the_path(on_each_client: Any) -> None:
    content = {"ZipFile": on_each_client.zip_of({"python/breeds.py": "NAMES = ['Affenpinscher']\n"})}
    layer = on_each_client.lam.publish_layer_version(LayerName="breeds", Content=content)
    source = "import breeds\ndef handler(event, context):\n    return breeds.NAMES\n"
    name = on_each_client.create(source, Layers=[layer["LayerVersionArn"]])
    assert json.loads(on_each_client.invoke(name, {}).payload) == ["Affenpinscher"]


TALKER = """
import itertools, threading

def talk():
    for number in itertools.count():
        print("number", number)

def handler(event, context):
    threading.Thread(target=talk, daemon=True).start()
    return "answered"
"""


def test_a_function_that_prints_without_end_holds_nobody_up(own_functions: Any) -> None:
    """A thread of it that printed on after the answer stopped every route for 82 s."""
    name = own_functions.create(TALKER, MemorySize=256)
    started = time.monotonic()
    assert own_functions.invoke(name).json == "answered"
    for _ in range(10):
        own_functions.server.client("sts").get_caller_identity()
    own_functions.lam.delete_function(FunctionName=name)
    assert time.monotonic() - started < 30


def test_a_module_that_prints_without_end_times_out_alone(own_functions: Any) -> None:
    name = own_functions.create("while True: print('importing')", Timeout=3)
    started = time.monotonic()
    answers: list[Any] = []
    caller = threading.Thread(target=lambda: answers.append(own_functions.invoke(name)))
    caller.start()
    for _ in range(10):
        own_functions.server.client("sts").get_caller_identity()
    caller.join(timeout=60)
    assert answers[0].error == "Unhandled"
    assert time.monotonic() - started < 60
