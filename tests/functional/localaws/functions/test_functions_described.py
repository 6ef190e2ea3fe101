"""What the status page shows of functions and of their logs."""

import json
import urllib.parse
import urllib.request
from typing import Any


def get(url: str) -> Any:
    """Return the JSON answer of a GET."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def test_a_function_is_shown_with_its_environments_and_its_lines(functions: Any) -> None:
    name = functions.create("def handler(event, context):\n    print('<b>seen</b>')\n")
    functions.invoke(name, {})
    shown = get(f"{functions.server.url}/_localaws/status")
    (row,) = [row for row in shown["functions"] if row["name"] == name]
    assert (row["status"], row["runtime"], row["versions"]) == ("Active", "python3.11", ["$LATEST"])
    (environment,) = row["environments"]
    assert environment["state"] == "Idle"
    assert environment["pid"] in {child["pid"] for child in functions.server.children()}
    assert "<b>seen</b>" in [line["message"] for line in shown["lines"]]


def test_the_last_lines_of_a_function_s_log(functions: Any) -> None:
    name = functions.create("def handler(event, context):\n    print('a line')\n")
    functions.invoke(name, {})
    query = {"account_id": "123456789012", "region": "us-east-1", "group": f"/aws/lambda/{name}"}
    url = f"{functions.server.url}/_localaws/logs?{urllib.parse.urlencode(query)}"
    lines = get(url)["lines"]
    assert "a line" in [line["message"] for line in lines]
    assert lines == sorted(lines, key=lambda line: line["at"])
    assert get(url.replace(name, "nobody")) == {"lines": []}
