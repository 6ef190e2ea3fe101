"""What a notebook instance is made of, and the URL by which it is entered."""

import json
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from localaws.children.notebook_server import is_visit, options, read_signed, write_signed
from localaws.sagemaker.notebooks import container
from localaws.sagemaker.notebooks.container import from_inside, hosts_text, link_tools, own_programs, write
from localaws.sagemaker.notebooks.presigned import PORT, Door

DOOR = Door(address="127.64.0.1", key="k" * 64)


def token(url: str) -> str:
    """Return what a URL proves."""
    return parse_qs(urlsplit(url).query)["authToken"][0]


def test_localhost_is_one_address() -> None:
    text = "127.0.0.1 localhost\n::1 localhost ip6-localhost\n# words\n10.0.0.1 box localhost.localdomain\n\n"
    assert hosts_text(text, address="127.64.0.1").splitlines() == [
        "127.64.0.1 localhost localhost.localdomain",
        "::1 ip6-localhost",
        "# words",
        "10.0.0.1 box",
        "",
    ]


@pytest.mark.parametrize(
    ("url", "inside"),
    [
        ("http://localhost:4566", "http://127.0.0.1:4566"),
        ("https://localhost/", "https://127.0.0.1/"),
        ("http://127.0.0.1:4566", "http://127.0.0.1:4566"),
        ("http://localaws:4566", "http://localaws:4566"),
    ],
    ids=["localhost", "no port", "address", "name"],
)
def test_localaws_is_reached_from_inside(url: str, inside: str) -> None:
    assert from_inside(url) == inside


def test_programs_of_this_machine_come_first_and_ours_are_added(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"python3": "/usr/bin/python3"}
    monkeypatch.setattr(container.shutil, "which", lambda name, path: there.get(name))
    found = own_programs()
    assert set(found) == {
        "crontab",
        "sudo",
        "systemctl",
        "initctl",
        "service",
        "python",
        "pip",
        "pip3",
        "aws",
    }
    assert found["python"] == '#!/bin/sh\nexec /home/ec2-user/anaconda3/bin/python "$@"\n'
    assert "notebook_cron.py crontab" in found["crontab"]
    assert f"{sys.prefix}/bin/aws" in found["aws"]


def test_jupyters_commands_see_what_pip_installs_in_the_instance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "ours" / "bin"
    write(folder / "jupyter-nbconvert", "#!/ours/bin/python\nimport nbconvert\n")
    write(folder / "jupyter-other", "#!/bin/sh\n")
    monkeypatch.setattr(sys, "prefix", str(folder.parent))
    link_tools(tmp_path / "theirs")
    assert [path.name for path in (tmp_path / "theirs").iterdir()] == ["jupyter-nbconvert"]
    text = (tmp_path / "theirs" / "jupyter-nbconvert").read_text()
    assert text == "#!/home/ec2-user/anaconda3/bin/python\nimport nbconvert\n"


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "goal").write_text("kept")
    (tmp_path / "link").symlink_to("goal")
    write(tmp_path / "link", "new")
    assert (tmp_path / "goal").read_text() == "kept"
    assert (tmp_path / "link").read_text() == "new"


def test_a_url_is_read_by_the_server_until_its_time() -> None:
    url = DOOR.url(until_s=100.0, session_s=60.0)
    assert url.startswith(f"http://127.64.0.1:{PORT}/session?authToken=")
    facts = read_signed(DOOR.key, "url", token(url), now_s=99.0)
    assert facts is not None
    assert (facts["until"], facts["session"]) == (100.0, 60.0)
    assert read_signed(DOOR.key, "url", token(url), now_s=100.0) is None


@pytest.mark.parametrize("spoil", [lambda text: text[:-1] + "x", lambda text: "", lambda text: "a.b"])
def test_a_text_that_is_not_ours_opens_nothing(spoil: "type[str]") -> None:
    url = DOOR.url(until_s=100.0, session_s=60.0)
    assert read_signed(DOOR.key, "url", spoil(token(url)), now_s=0.0) is None
    assert read_signed("other", "url", token(url), now_s=0.0) is None


def test_a_url_is_no_cookie_and_a_cookie_no_url() -> None:
    url = token(DOOR.url(until_s=100.0, session_s=60.0))
    cookie = write_signed(DOOR.key, "session", {"until": 100.0})
    assert read_signed(DOOR.key, "session", cookie, now_s=0.0) == {"until": 100.0}
    assert read_signed(DOOR.key, "session", url, now_s=0.0) is None
    assert read_signed(DOOR.key, "url", cookie, now_s=0.0) is None


def test_two_urls_differ_and_two_starts_sign_otherwise() -> None:
    assert DOOR.url(until_s=1, session_s=1) != DOOR.url(until_s=1, session_s=1)
    assert Door(address="127.64.0.1").key != Door(address="127.64.0.1").key


def test_the_servers_command_line_leaves_no_token_and_no_other_port() -> None:
    found = options({"address": "127.64.0.1", "port": 8443})
    assert "--IdentityProvider.token=" in found
    assert "--ServerApp.port_retries=0" in found
    assert "--ServerApp.allow_unauthenticated_access=False" in found
    assert "--ServerApp.ip=127.64.0.1" in found


def test_a_visit_is_a_get_of_a_window() -> None:
    def request(method: str, mode: str) -> object:
        return type("Request", (), {"method": method, "headers": {"Sec-Fetch-Mode": mode}})()

    assert is_visit(request("GET", "navigate"))
    assert not is_visit(request("POST", "navigate"))
    assert not is_visit(request("GET", "no-cors"))


def test_the_kernel_is_one_that_jupyter_can_start() -> None:
    assert json.loads(json.dumps(container.KERNEL))["argv"][0] == "python"
