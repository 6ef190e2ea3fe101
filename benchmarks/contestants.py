"""Servers that take turns: each runs while it is measured, and is stopped by a signal while others are."""

from __future__ import annotations

import contextlib
import itertools
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.peers.programs import ROOT
from benchmarks.raw_http import seconds_for

START_S = 400.0
"""From a process's start to its first good answer."""
END_S = 20.0
TRY_S = 0.2
PORTS = 3
"""That follow each other: the Java servers listen on up to so many."""
LEAST_PORT, MOST_PORT = 10_000, 32_000
"""The Java servers take none from 32,768 on, where the system's own begin."""


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What one turn gave."""

    rate: float
    """Photos a second."""
    cpu_ms: float
    """Of the processor for each photo, in all processes of the contestant."""


@dataclass(frozen=True, kw_only=True)
class WebServer:
    """A server on a port, asked by as many connections as there are photos."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    requests: Sequence[bytes]
    """Written beforehand."""
    log: Path

    def wait(self) -> None:
        """Wait for the first good answer; raise RuntimeError with the server's last words."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError, RuntimeError):
                self.classify(0)
                return
            time.sleep(TRY_S)
        words = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        raise RuntimeError((words or ["it does not answer, and says nothing"])[-1][:200])

    def classify(self, seconds: float) -> tuple[int, float]:
        """Send photos, at least one, over kept-alive connections, each busy all the time."""
        sent = 0

        def following() -> Iterator[tuple[bytes]]:
            nonlocal sent
            end = time.monotonic() + seconds
            for request in itertools.cycle(self.requests):
                if sent and time.monotonic() > end:
                    return
                sent += 1
                yield (request,)

        took_s = seconds_for(following(), port=self.port, connections=len(self.requests))
        return sent, took_s


@dataclass(frozen=True, kw_only=True)
class InProcess:
    """benchmarks/peers/in_process.py, which decodes and computes without a server."""

    name: str
    process: subprocess.Popen[bytes]

    def wait(self) -> None:
        """Wait until it has loaded the model."""
        self.classify(0)

    def classify(self, seconds: float) -> tuple[int, float]:
        """Let it work; raise RuntimeError where it has ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"%f\n" % seconds)
        self.process.stdin.flush()
        words = self.process.stdout.readline().split()
        if len(words) != 2:
            raise RuntimeError(f"{self.name} has ended")
        return int(words[0]), float(words[1])


Contestant = WebServer | InProcess


def write_requests(photos: Sequence[bytes], path: str) -> list[bytes]:
    """Return the HTTP request for each photo."""
    head = "POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n"
    return [head.format(path, len(photo)).encode() + photo for photo in photos]


def free_ports() -> int:
    """Return the first of PORTS loopback ports in a row, free a moment ago."""
    while True:
        port = random.randrange(LEAST_PORT, MOST_PORT, PORTS)
        if all(_is_free(port + offset) for offset in range(PORTS)):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as sock:
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def start_server(
    name: str,
    command: Sequence[str],
    *,
    environ: Mapping[str, str],
    folder: Path,
    port: int,
    requests: Sequence[bytes],
) -> WebServer:
    """Start a server in a folder; it is not ready yet."""
    log = folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )
    return WebServer(name=name, process=process, port=port, requests=requests, log=log)


def start_in_process(model: Path, photos: Path) -> InProcess:
    """Start the one without a server."""
    command = [sys.executable, "-m", "benchmarks.peers.in_process", str(model), str(photos)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    return InProcess(name="in process", process=process)


def take_turn(contestant: Contestant, seconds: float) -> Turn:
    """Let one contestant run, and stop it again; raises RuntimeError for a wrong or no answer."""
    send_signal(contestant, signal.SIGCONT)
    try:
        before = cpu_seconds(contestant)
        count, took_s = contestant.classify(seconds)
        spent_s = cpu_seconds(contestant) - before
    finally:
        send_signal(contestant, signal.SIGSTOP)
    return Turn(rate=count / took_s, cpu_ms=1000 * spent_s / count)


def cpu_seconds(contestant: Contestant) -> float:
    """Return the processor time that all of a contestant's processes have taken so far."""
    total = 0.0
    for process in family(contestant):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def family(contestant: Contestant) -> list[psutil.Process]:
    """Return a contestant's processes, its own first."""
    with contextlib.suppress(psutil.Error):
        own = psutil.Process(contestant.process.pid)
        return [own, *own.children(recursive=True)]
    return []


def send_signal(contestant: Contestant, number: int) -> None:
    """Send a signal to all of a contestant's processes."""
    for process in family(contestant):
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)


def stop(contestant: Contestant) -> None:
    """End all of a contestant's processes."""
    processes = family(contestant)
    send_signal(contestant, signal.SIGCONT)
    contestant.process.terminate()
    contestant.process.wait(END_S) if psutil.wait_procs(processes, END_S)[1] == [] else None
    for process in psutil.wait_procs(processes, 0)[1]:
        with contextlib.suppress(psutil.Error):
            process.kill()
    contestant.process.wait(END_S)
