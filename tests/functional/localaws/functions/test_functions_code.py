"""GetFunction's link to the code."""

import io
import time
import urllib.error
import urllib.request
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

CODE = "def handler(event, context):\n    return 1\n"


def fetch(url: str) -> tuple[int, bytes]:
    """Return status and body."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def program_at(url: str) -> str:
    """Return the program in the archive at a link."""
    with zipfile.ZipFile(io.BytesIO(fetch(url)[1])) as archive:
        return archive.read("app.py").decode()


def location(functions: Any, name: str, **options: str) -> str:
    """Return the link."""
    return str(functions.lam.get_function(FunctionName=name, **options)["Code"]["Location"])


def test_the_code_of_each_version_can_be_downloaded(functions: Any) -> None:
    name = functions.create(CODE, Publish=True)
    functions.update(name, CODE + "# changed\n")
    assert program_at(location(functions, name, Qualifier="1")) == CODE
    assert program_at(location(functions, name)) == CODE + "# changed\n"


def test_a_link_is_for_what_it_names(functions: Any) -> None:
    name, other = functions.create(CODE), functions.create(CODE + "#\n")
    link = location(functions, name)
    status, body = fetch(link.replace(name, other))
    assert (status, b"AccessDenied" in body) == (403, True)
    functions.update(name, CODE + "# changed\n")
    assert fetch(link)[0] == 404, "the code that the link was for is gone"


def test_a_link_ends_after_ten_minutes_of_aws(hasty_functions: Any) -> None:
    """Ten minutes are two seconds at this speed."""
    link = location(hasty_functions, hasty_functions.create(CODE))
    deadline = time.monotonic() + 60
    while fetch(link)[0] == 200 and time.monotonic() < deadline:
        time.sleep(0.2)
    status, body = fetch(link)
    assert (status, b"Request has expired" in body) == (403, True)


def test_concurrency_is_told_with_the_function(functions: Any) -> None:
    name = functions.create(CODE)
    assert "Concurrency" not in functions.lam.get_function(FunctionName=name)
    functions.lam.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    found = functions.lam.get_function(FunctionName=name)["Concurrency"]
    assert found == {"ReservedConcurrentExecutions": 0}


def test_a_container_image_is_refused_and_leaves_no_function(functions: Any) -> None:
    with pytest.raises(ClientError, match="localaws runs no container images"):
        functions.lam.create_function(
            FunctionName="of-an-image",
            Role=functions.role,
            PackageType="Image",
            Code={"ImageUri": "1/a:b"},
        )
    with pytest.raises(ClientError, match="Function not found"):
        functions.lam.get_function(FunctionName="of-an-image")
