"""User data are read as cloud-init reads them."""

import base64
import gzip
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Any

import pytest

from localaws.ec2.user_data import MAX_UNPACKED, read_user_data, unpack


def scripts_of(content: bytes) -> list[tuple[str, str]]:
    """Return the names and contents of the scripts that user data hold."""
    found = read_user_data(content).as_document()["scripts"]
    return [(script["name"], base64.b64decode(script["content"]).decode()) for script in found]


def config(text: str) -> dict[str, Any]:
    """Return what a cloud-config asks for."""
    return read_user_data(f"#cloud-config\n{text}".encode()).as_document()


def test_a_script_is_run_as_it_is() -> None:
    assert scripts_of(b"#!/bin/sh\necho a\n") == [("part-001", "#!/bin/sh\necho a\n")]


def test_compressed_user_data_are_unpacked() -> None:
    assert scripts_of(gzip.compress(b"#!/bin/sh\n")) == [("part-001", "#!/bin/sh\n")]


@pytest.mark.parametrize(
    "content", [gzip.compress(b"x" * 100)[:-9], b"\x1f\x8bnonsense"], ids=["cut", "nonsense"]
)
def test_broken_gzip_becomes_a_warning(content: bytes) -> None:
    boot = read_user_data(content)
    assert not boot.scripts
    assert boot.warnings[0].startswith("Failed to read the user data: gzip: ")


def test_what_unpacks_to_too_much_is_refused() -> None:
    with pytest.raises(ValueError, match="more than"):
        unpack(gzip.compress(b"0" * (MAX_UNPACKED + 1)))


def test_empty_user_data_ask_for_nothing() -> None:
    assert read_user_data(b"").as_document() == {"files": [], "scripts": [], "warnings": []}


def test_user_data_without_a_first_line_that_says_what_they_are_are_not_run() -> None:
    boot = read_user_data(b"echo hello\n")
    assert not boot.scripts
    assert "Unhandled non-multipart (text/x-not-multipart) userdata" in boot.warnings[0]


@pytest.mark.parametrize("start", ["#include", "#cloud-boothook", "#part-handler"])
def test_kinds_that_are_not_built_are_warned_of(start: str) -> None:
    boot = read_user_data(f"{start}\nhttps://example.com/a\n".encode())
    assert not boot.scripts
    assert "localaws does not run it" in boot.warnings[0]


def test_parts_of_a_message_are_run_in_their_order() -> None:
    message = MIMEMultipart()
    message.attach(MIMEText("#cloud-config\nruncmd: [echo second]\n", "cloud-config"))
    message.attach(MIMEText("#!/bin/sh\necho third\n", "x-shellscript"))
    message.attach(MIMEText("#!/bin/sh\necho by its first letters\n"))
    names = [name for name, _ in scripts_of(message.as_bytes())]
    assert names == ["part-002", "part-003", "runcmd"]


def test_messages_that_lie_too_deep_in_one_another_become_a_warning() -> None:
    message = MIMEMultipart()
    message.attach(MIMEText("#!/bin/sh\n", "x-shellscript"))
    for _ in range(6):
        outer = MIMEMultipart()
        outer.attach(message)
        message = outer
    assert "too deep" in read_user_data(message.as_bytes()).warnings[0]


def test_of_several_configurations_the_last_lists_count() -> None:
    message = MIMEMultipart()
    for name in ("first", "second"):
        text = f"#cloud-config\nruncmd: [echo {name}]\nwrite_files: [{{path: /{name}}}]\n"
        message.attach(MIMEText(text, "cloud-config"))
    boot = read_user_data(message.as_bytes())
    assert [file["path"] for file in boot.files] == ["/second"]
    assert scripts_of(message.as_bytes()) == [("runcmd", "#!/bin/sh\necho second\n")]


def test_commands_are_lines_of_a_shell_or_words() -> None:
    found = scripts_of(b"#cloud-config\nruncmd:\n - echo $HOME\n - [echo, 'a  b', 3]\n")
    assert found == [("runcmd", "#!/bin/sh\necho $HOME\necho 'a  b' 3\n")]


def test_files_have_contents_modes_and_owners() -> None:
    packed = base64.b64encode(gzip.compress(b"packed")).decode()
    files = config(
        "write_files:\n"
        " - {path: /opt/a, content: text, permissions: '0755', owner: 'nobody:nogroup'}\n"
        f" - {{path: /opt/b, content: {packed}, encoding: gz+b64, append: true}}\n"
        " - {path: /opt/c, content: !!binary aGk=}\n"
    )["files"]
    assert [base64.b64decode(file["content"]) for file in files] == [b"text", b"packed", b"hi"]
    assert [file["permissions"] for file in files] == [0o755, 0o644, 0o644]
    assert files[0]["owner"] == "nobody:nogroup"
    assert [file["append"] for file in files] == [False, True, False]


def test_modules_that_are_not_built_are_named() -> None:
    found = config("packages: [git]\nusers: []\nruncmd: [ls]\n")
    assert [warning.split("'")[1] for warning in found["warnings"]] == ["packages", "users"]
    assert len(found["scripts"]) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("runcmd: [", "Invalid format"),
        ("- a\n", "Yaml load allows dict, but got list"),
        ("runcmd: ls\n", "runcmd is no list"),
        ("runcmd: [{a: b}]\n", "neither a text nor a list"),
        ("write_files: {}\n", "write_files is no list"),
        ("write_files: [a]\n", "no mapping with a path"),
        ("write_files: [{content: a}]\n", "path"),
        ("write_files: [{path: /a, permissions: rwx}]\n", "is not written"),
        ("write_files: [{path: /a, encoding: b64, content: abc}]\n", "is not written"),
    ],
)
def test_what_a_configuration_says_wrongly_is_a_warning(text: str, words: str) -> None:
    found = config(text)
    assert not found["files"]
    assert words in " ".join(found["warnings"])
