"""A function's output: lines, tails, and nothing late. And memory, as the kernel counts it."""

import asyncio
import os
import threading
import time

from localaws.functions import output
from localaws.functions.output import FunctionLog, OutputPipe
from localaws.functions.watching import peak_memory_mb, wait_for_excess


class Lines:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, line: str) -> None:
        """Keep a line."""
        self.lines.append(line)


def test_the_tail_is_the_last_four_kilobytes_of_one_invocation() -> None:
    lines = Lines()
    log = FunctionLog(lines)
    log.write("[ERROR] x\rTraceback")
    assert lines.lines == ["[ERROR] x\nTraceback"]
    assert log.take_tail() == b"[ERROR] x\nTraceback\n"
    for number in range(1000):
        log.write(f"line {number}")
    log.announce("INIT_START")
    assert lines.lines[-1] == "INIT_START"
    tail = log.take_tail()
    assert len(tail) == 4096
    assert tail.endswith(b"line 999\n")
    assert log.take_tail() == b""


def test_output_is_cut_into_lines_and_nothing_is_late() -> None:
    lines = Lines()

    async def main() -> None:
        pipe = OutputPipe(FunctionLog(lines))
        os.write(pipe.write_end, "eins\nzwei ä".encode()[:-1])
        pipe.drain()
        assert lines.lines == ["eins"]
        os.write(pipe.write_end, "ä".encode()[1:] + b"\xff\r\nlast")
        pipe.drain()
        assert lines.lines == ["eins", "zwei ä\ufffd"]
        pipe.flush()
        assert lines.lines[-1] == "last"
        pipe.close_write_end()
        pipe.drain()
        pipe.close()

    asyncio.run(main())


def test_a_line_without_an_end_is_cut_at_the_limit_of_an_event() -> None:
    lines = Lines()

    async def main() -> None:
        pipe = OutputPipe(FunctionLog(lines))
        for _ in range(5):
            os.write(pipe.write_end, b"x" * 60_000)
            pipe.drain()
        pipe.close_write_end()
        pipe.close()

    asyncio.run(main())
    assert [len(line) for line in lines.lines] == [output.LINE_LIMIT]


def test_memory_is_watched() -> None:
    used = peak_memory_mb(os.getpid())
    assert used is not None
    assert used > 5
    assert peak_memory_mb(2**22 + 1) is None
    asyncio.run(asyncio.wait_for(wait_for_excess(os.getpid(), limit_mb=1), 5))


def test_what_a_thread_goes_on_printing_is_not_waited_for() -> None:
    """It held the event loop, and with it every route of localaws, for as long as the thread printed."""
    lines = Lines()

    async def main() -> None:
        pipe = OutputPipe(FunctionLog(lines))
        ended = threading.Event()

        def print_without_end() -> None:
            while not ended.is_set():
                os.write(pipe.write_end, b"more\n" * 100)

        thread = threading.Thread(target=print_without_end, daemon=True)
        os.write(pipe.write_end, b"before\n")
        thread.start()
        started = time.monotonic()
        for _ in range(20):
            pipe.flush()
        assert time.monotonic() - started < 60  # waiting for the end would take for ever
        assert lines.lines[0] == "before"
        ended.set()
        await asyncio.sleep(0.1)  # the pipe is read on, so that the thread is not held by a full one
        thread.join(timeout=5)
        assert not thread.is_alive()
        pipe.close_write_end()
        pipe.close()

    asyncio.run(main())
