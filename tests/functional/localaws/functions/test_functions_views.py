"""What a function sees of the file system: AWS's folders, and nothing of another environment's."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from localaws.children.keeper import NAMESPACE_LIMIT, RESERVED_PIDS, USER_LIMIT, linux_version
from tests.namespaces import has_namespaces

SHOW = """
import errno, os, sys
from pathlib import Path
def attempt(path):
    try:
        Path(path).write_text("x")
    except OSError as error:
        return errno.errorcode[error.errno]
def handler(event, context):
    import common, layered
    Path("/tmp/mine").touch()
    return {
        "cwd": os.getcwd(), "file": __file__, "root": os.environ["LAMBDA_TASK_ROOT"],
        "task": sorted(os.listdir("/var/task")), "opt": sorted(os.listdir("/opt")),
        "values": [common.VALUE, layered.VALUE], "tmp": os.environ["TMPDIR"],
        "writes": [attempt(p) for p in ("/var/task/x", "/opt/x", "/var/runtime/x", "/tmp/x")],
        "leaks": [str(p) for p in Path("/tmp").glob("localaws-*")], "pid": os.getpid(),
        "opt_bin": os.environ["PATH"].split(":")[-1],
    }
"""
WRAPPED = "import os\ndef handler(event, context):\n    return os.environ['GREETING']\n"
WRAPPER = '#!/bin/sh\nexport GREETING="wrapped $#"\nexec "$@"\n'


def has_own_limits() -> bool:
    """Tell whether this machine's kernel limits the processes of a namespace."""
    return has_namespaces() and linux_version() >= (NAMESPACE_LIMIT if os.getuid() == 0 else USER_LIMIT)


@pytest.fixture(scope="module")
def layers(functions: Any) -> list[str]:
    """Publish two layers, of which the second one wins."""
    contents = [
        {"python/common.py": "VALUE = 'first'\n", "bin/tool": "", "wrapper": WRAPPER},
        {
            "python/common.py": "VALUE = 'second'\n",
            "python/lib/python3.11/site-packages/layered.py": "VALUE = 1\n",
        },
    ]
    packed = [functions.zip_of(files) for files in contents]
    return [publish(functions, f"views-{number}", code) for number, code in enumerate(packed)]


def publish(functions: Any, name: str, code: bytes) -> str:
    """Publish a layer; return its version's ARN."""
    answer = functions.lam.publish_layer_version(LayerName=name, Content={"ZipFile": code})
    return str(answer["LayerVersionArn"])


def test_code_layers_and_tmp_are_where_aws_has_them(functions: Any, layers: list[str]) -> None:
    seen = functions.invoke(functions.create(SHOW, Layers=layers)).json
    assert (seen["cwd"], seen["root"], seen["file"]) == ("/var/task", "/var/task", "/var/task/app.py")
    assert (seen["task"], seen["opt"]) == (["app.py"], ["bin", "python", "wrapper"])
    assert seen["values"] == ["second", 1]
    assert (seen["tmp"], seen["opt_bin"]) == ("/tmp", "/opt/bin")
    assert seen["writes"] == ["EROFS", "EROFS", "EROFS", None]
    assert seen["leaks"] == [], "the folders of localaws itself"
    assert seen["pid"] > 1
    assert not Path("/var/task").exists()


def test_two_environments_share_no_tmp_and_it_has_a_limit(functions: Any) -> None:
    source = """
import os, time
def handler(event, context):
    left = os.path.exists("/tmp/left")
    with open("/tmp/left", "wb") as file:
        for _ in range(event["mb"]):
            file.write(bytes(1 << 20))
    return left
"""
    name = functions.create(source, EphemeralStorage={"Size": 600}, MemorySize=512, Timeout=50)
    assert functions.invoke(name, {"mb": 590}).json is False
    assert functions.invoke(name, {"mb": 1}).json is True, "it stays for the next event"
    functions.update(name, source + "# new\n")
    assert functions.invoke(name, {"mb": 1}).json is False
    answer = functions.invoke(name, {"mb": 610})
    assert "No space left on device" in answer.json["errorMessage"]


def test_a_wrapper_script_starts_the_runtime(functions: Any, layers: list[str]) -> None:
    name = functions.create(
        WRAPPED, Layers=layers, Environment={"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper"}}
    )
    answer = functions.invoke(name)
    assert answer.error == "Unhandled", "a file that may not be executed"
    assert "exit status 126" in json.dumps(answer.json)
    executable = {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}
    functions.lam.update_function_configuration(FunctionName=name, Environment={"Variables": executable})
    functions.lam.get_waiter("function_updated_v2").wait(FunctionName=name)
    code = functions.zip_of({"app.py": WRAPPED, "wrapper": WRAPPER}, executable="wrapper")
    functions.lam.update_function_code(FunctionName=name, ZipFile=code)
    functions.lam.get_waiter("function_updated_v2").wait(FunctionName=name)
    assert functions.invoke(name).json == "wrapped 6"


def test_a_wrapper_that_is_missing_is_named(functions: Any) -> None:
    variables = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/none"}}
    answer = functions.invoke(functions.create(WRAPPED, Environment=variables))
    assert answer.json["errorType"] == "Runtime.ExitError"
    assert "exit status 127" in answer.json["errorMessage"]
    assert "/opt/none" in answer.log


def test_an_environment_has_as_many_threads_as_on_aws(functions: Any) -> None:
    source = """
import threading, time
def handler(event, context):
    started = 0
    try:
        while started < 1500:
            threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
            started += 1
    except RuntimeError:
        return started
"""
    if not has_own_limits():
        pytest.skip("needs namespaces that count their processes")
    started = functions.invoke(functions.create(source, MemorySize=512, Timeout=60)).json
    assert 1000 <= started <= 1024 + RESERVED_PIDS
