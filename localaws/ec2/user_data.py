"""Read user data as cloud-init does: scripts, cloud-config, MIME parts, gzip. Pure.

https://docs.cloud-init.io/en/latest/explanation/format/index.html
"""

import base64
import binascii
import email
import shlex
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

import yaml

GZIP = b"\x1f\x8b"
MAX_UNPACKED = 1 << 20
"""Bytes that compressed user data, or a compressed file in it, may grow to."""
MAX_DEPTH = 4
"""How deep multipart messages may lie in one another."""
KNOWN_MODULES = ("runcmd", "write_files")


@dataclass(kw_only=True)
class Boot:
    """What the first boot is to do: write files, then run scripts in the order of their names."""

    files: list[dict[str, Any]] = field(default_factory=list)
    """Each `path`, `content` (base64), `permissions`, `owner`, `append`."""
    scripts: list[dict[str, str]] = field(default_factory=list)
    """Each `name`, `content` (base64)."""
    warnings: list[str] = field(default_factory=list)
    """What is not done, and why."""

    def as_document(self) -> dict[str, Any]:
        """Return it as `children/instance_init.py` reads it."""
        scripts = sorted(self.scripts, key=lambda script: script["name"])
        return {"files": self.files, "scripts": scripts, "warnings": self.warnings}


def read_user_data(content: bytes) -> Boot:
    """Return what user data ask for; what cannot be understood becomes a warning, as with cloud-init."""
    boot = Boot()
    try:
        parts = [part for part in _parts(unpack(content)) if part[1].strip()]
    except ValueError as error:
        boot.warnings.append(f"Failed to read the user data: {error}")
        return boot
    for number, (kind, body) in enumerate(parts, start=1):
        _read_part(boot, kind=kind, body=body, number=number)
    return boot


def unpack(content: bytes) -> bytes:
    """Return what gzip holds, or other content as it is; raises ValueError for what is broken or too big."""
    if not content.startswith(GZIP):
        return content
    reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        found = reader.decompress(content, MAX_UNPACKED)
    except zlib.error as error:
        raise ValueError(f"gzip: {error}") from error
    if reader.unconsumed_tail:
        raise ValueError(f"gzip: more than {MAX_UNPACKED} bytes")
    if not reader.eof:
        raise ValueError("gzip: the end is missing")
    return found


def _parts(content: bytes, *, depth: int = 0) -> Iterator[tuple[str, bytes]]:
    """Give kind and body of each part."""
    head = content.lstrip()[:64].lower()
    if not head.startswith((b"content-type:", b"mime-version:")):
        yield kind_of(content), content
        return
    yield from _message_parts(email.message_from_bytes(content.lstrip()), depth=depth)


def _message_parts(message: Message, *, depth: int) -> Iterator[tuple[str, bytes]]:
    if depth > MAX_DEPTH:
        raise ValueError("multipart messages lie too deep in one another")
    if message.is_multipart():
        for part in message.get_payload():
            if isinstance(part, Message):
                yield from _message_parts(part, depth=depth + 1)
        return
    payload = message.get_payload(decode=True)
    body = unpack(payload if isinstance(payload, bytes) else b"")
    kind = message.get_content_type()
    is_named = kind.startswith("text/") and kind != "text/plain"
    yield (kind if is_named else kind_of(body)), body


def kind_of(content: bytes) -> str:
    """Return the type that content says itself to be by its first letters."""
    for start, kind in STARTS.items():
        if content.lstrip().startswith(start):
            return kind
    return "text/x-not-multipart"


STARTS = {
    b"#!": "text/x-shellscript",
    b"#cloud-config": "text/cloud-config",
    b"#include": "text/x-include-url",
    b"#cloud-boothook": "text/cloud-boothook",
    b"#part-handler": "text/part-handler",
}


def _read_part(boot: Boot, *, kind: str, body: bytes, number: int) -> None:
    if kind == "text/x-shellscript":
        boot.scripts.append({"name": f"part-{number:03d}", "content": _encode(body)})
    elif kind == "text/cloud-config":
        _read_config(boot, body)
    elif kind == "text/x-not-multipart":
        boot.warnings.append(f"Unhandled non-multipart ({kind}) userdata: '{body[:24]!r}...'")
    else:
        boot.warnings.append(f"Unhandled unknown content-type ({kind}) userdata: localaws does not run it")


def _read_config(boot: Boot, body: bytes) -> None:
    try:
        config = yaml.safe_load(body) or {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        boot.warnings.append(f"Failed loading yaml blob. Invalid format: {error}")
        return
    if not isinstance(config, Mapping):
        boot.warnings.append(
            f"Failed loading yaml blob. Yaml load allows dict, but got {type(config).__name__}"
        )
        return
    readers: Mapping[str, Callable[[Boot, Any], None]] = {
        "write_files": _read_files,
        "runcmd": _read_commands,
    }
    for module, value in config.items():
        if reader := readers.get(str(module)):
            reader(boot, value)
        else:
            known = " and ".join(KNOWN_MODULES)
            boot.warnings.append(f"cloud-config module {str(module)!r} is not run by localaws, only {known}")


def _read_files(boot: Boot, entries: Any) -> None:
    if not isinstance(entries, list):
        boot.warnings.append("write_files is no list: nothing is written")
        return
    boot.files = []  # of several configurations the last one's list is it, as with cloud-init
    for entry in entries:
        try:
            boot.files.append(_read_file(entry))
        except (ValueError, TypeError, KeyError) as error:
            boot.warnings.append(f"write_files: {entry!r:.80} is not written: {error}")


def _read_file(entry: Any) -> dict[str, Any]:
    """Return one file as the boot writes it; raises ValueError, TypeError or KeyError for what is none."""
    mode = entry.get("permissions", "0644") if isinstance(entry, dict) else None
    if mode is None:
        raise ValueError("it is no mapping with a path")
    mode = int(str(mode), 8) if isinstance(mode, str) else int(mode)
    content, encoding = entry.get("content", ""), str(entry.get("encoding", "text/plain")).lower()
    raw = content if isinstance(content, bytes) else str(content).encode()
    return {
        "path": str(entry["path"]),
        "content": _encode(_decode(raw, encoding)),
        "permissions": mode & 0o7777,
        "owner": str(entry.get("owner", "root:root")),
        "append": bool(entry.get("append", False)),
    }


def _decode(raw: bytes, encoding: str) -> bytes:
    if encoding in ("gz", "gzip"):
        return unpack(raw)
    if encoding in ("b64", "base64", "gz+b64", "gzip+b64", "gz+base64", "gzip+base64"):
        try:
            decoded = base64.b64decode(raw)
        except binascii.Error as error:
            raise ValueError(f"base64: {error}") from error
        return unpack(decoded) if encoding.startswith("gz") else decoded
    return raw


def _read_commands(boot: Boot, commands: Any) -> None:
    """Make one script of the commands: a list is a command and its arguments, a text is for the shell."""
    if not isinstance(commands, list):
        boot.warnings.append("runcmd is no list: nothing is run")
        return
    lines = ["#!/bin/sh"]
    for command in commands:
        if isinstance(command, list):
            lines.append(shlex.join(str(word) for word in command))
        elif isinstance(command, str):
            lines.append(command)
        else:
            boot.warnings.append(f"runcmd: {command!r:.80} is neither a text nor a list: it is not run")
    boot.scripts = [script for script in boot.scripts if script["name"] != "runcmd"]
    boot.scripts.append({"name": "runcmd", "content": _encode("\n".join([*lines, ""]).encode())})


def _encode(content: bytes) -> str:
    return base64.b64encode(content).decode()
