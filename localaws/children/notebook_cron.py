"""cron inside a notebook instance: `crontab` (of which the words are the arguments), and `serve`, the daemon.

Tables lie in /var/spool/cron. An AWS minute is as many seconds as `boot.json` says; what the clock shows is
AWS's time, in UTC. Standard library only. https://man7.org/linux/man-pages/man5/crontab.5.html
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

SPOOL = Path("/var/spool/cron")
LOG = Path("/var/log/cron")
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
"""Of minutes, hours, days of a month, months and days of a week, of which 0 and 7 are Sunday."""
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
NAMES: tuple[Mapping[str, int], ...] = (
    {},
    {},
    {},
    {name: number for number, name in enumerate(MONTHS, start=1)},
    {name: number for number, name in enumerate(DAYS)},
)
NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
REBOOT = "@reboot"
USAGE = "usage: crontab [-u user] { -l | -r | - | file }\n"
MAX_BEHIND_MINUTES = 5
"""Minutes that are made up for where this machine was busy, or asleep."""


@dataclass(frozen=True)
class Entry:
    """One command and when it runs."""

    fields: tuple[frozenset[int], ...]
    """Minutes, hours, days of a month, months, days of a week; none at all for @reboot."""
    is_either_day: bool
    """Whether both kinds of days are limited, so that one of them is enough."""
    command: str
    environment: Mapping[str, str]

    def is_due(self, moment: datetime) -> bool:
        """Tell whether it runs in a minute."""
        if not self.fields:
            return False
        minute, hour, day, month, weekday = self.fields
        is_day, is_weekday = moment.day in day, moment.isoweekday() % 7 in weekday
        is_date = is_day or is_weekday if self.is_either_day else is_day and is_weekday
        return moment.minute in minute and moment.hour in hour and moment.month in month and is_date


def parse(text: str) -> list[Entry]:
    """Read a table; raises ValueError saying which line is wrong."""
    found: list[Entry] = []
    environment: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        try:
            name, is_set, value = words.partition("=")
            if is_set and name.strip().isidentifier():
                environment[name.strip()] = value.strip().strip("\"'")
            else:
                found.append(parse_entry(words, environment=dict(environment)))
        except ValueError as error:
            raise ValueError(f'"-":{number}: {error}') from error
    return found


def parse_entry(line: str, *, environment: Mapping[str, str]) -> Entry:
    """Read one line; raises ValueError where it is none."""
    nickname, _, rest = line.partition(" ")
    if nickname == REBOOT:
        return Entry(fields=(), is_either_day=False, command=rest.strip(), environment=environment)
    line = f"{NICKNAMES[nickname]} {rest}" if nickname in NICKNAMES else line
    words = line.split(None, len(RANGES))
    if len(words) <= len(RANGES):
        raise ValueError("five fields and a command are needed")
    fields = [parse_field(word, index) for index, word in enumerate(words[: len(RANGES)])]
    fields[-1] = frozenset(day % 7 for day in fields[-1])
    is_either_day = not (words[2].startswith("*") or words[4].startswith("*"))
    return Entry(
        fields=tuple(fields), is_either_day=is_either_day, command=words[-1], environment=environment
    )


def parse_field(text: str, index: int) -> frozenset[int]:
    """Read one of the five fields: `*`, numbers, names, ranges, lists and steps."""
    least, most = RANGES[index]
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        if step and not (step.isdecimal() and int(step)):
            raise ValueError(f"bad step {step!r}")
        if span == "*":
            first, last = least, most
        else:
            start, is_range, end = span.partition("-")
            first = parse_number(start, index)
            last = parse_number(end, index) if is_range else (most if step else first)
        if not least <= first <= last <= most:
            raise ValueError(f"bad value {part!r}: it must be from {least} to {most}")
        found |= set(range(first, last + 1, int(step or 1)))
    return frozenset(found)


def parse_number(text: str, index: int) -> int:
    """Read a number, or the name of a month or a day."""
    known = NAMES[index].get(text.lower())
    if known is None and not text.isdecimal():
        raise ValueError(f"bad value {text!r}")
    return int(text) if known is None else known


def crontab(words: list[str]) -> int:
    """Be the command; return the exit code."""
    words = list(words)
    user = "root"
    if "-u" in words:
        place = words.index("-u")
        user = "".join(words[place + 1 : place + 2])
        del words[place : place + 2]
    table = SPOOL / user
    if user not in ("root", "ec2-user") or len(words) > 1:
        sys.stderr.write(USAGE)
        return 1
    word = words[0] if words else "-"
    if word == "-l":
        return show(table, user=user)
    if word == "-r":
        table.unlink(missing_ok=True)
        return 0
    if word.startswith("-") and word != "-":
        sys.stderr.write(USAGE)
        return 1
    return install(table, source=word)


def show(table: Path, *, user: str) -> int:
    """Print a table."""
    if not table.exists():
        sys.stderr.write(f"no crontab for {user}\n")
        return 1
    sys.stdout.write(table.read_text())
    return 0


def install(table: Path, *, source: str) -> int:
    """Take a table from a file or standard input, where it makes sense."""
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text()
        parse(text)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{error}\nerrors in crontab file, can't install.\n")
        return 1
    fresh = table.with_name(f".{table.name}.{os.getpid()}")
    fresh.write_text(text)
    fresh.replace(table)
    return 0


def serve(*, began: datetime, minute_s: float) -> None:
    """Run what is due in each AWS minute, for ever; `began` is AWS's time now."""
    start_s = time.monotonic()
    for entry in entries():
        if not entry.fields:
            start(entry)
    after = began
    while True:
        time.sleep(min(minute_s, 1.0) / 4)
        now = began + timedelta(minutes=(time.monotonic() - start_s) / minute_s)
        for moment in minutes_between(after, now):
            for entry in entries():
                if entry.is_due(moment):
                    start(entry)
        after = now
        reap()


def minutes_between(after: datetime, until: datetime) -> Iterator[datetime]:
    """Give the minutes that have begun between two moments, the last few where there are many."""
    moment = until.replace(second=0, microsecond=0)
    begun: list[datetime] = []
    while moment > after and len(begun) < MAX_BEHIND_MINUTES:
        begun.append(moment)
        moment -= timedelta(minutes=1)
    yield from reversed(begun)


def entries() -> Iterator[Entry]:
    """Give the lines of all tables; a table that cannot be read has none."""
    for table in sorted(SPOOL.glob("[!.]*")):
        try:
            yield from parse(table.read_text())
        except (OSError, ValueError) as error:
            note(f"{table.name}: {error}")


def start(entry: Entry) -> None:
    """Start a command, with what cron sets, and the variables that lead to AWS."""
    given = {"SHELL": "/bin/sh", "PATH": "/usr/bin:/bin", "HOME": "/root", "LOGNAME": "root"}
    given |= entry.environment
    note(f"CMD ({entry.command})")
    command, _, words = entry.command.partition("%")
    with LOG.open("ab") as log:
        process = subprocess.Popen(
            [given["SHELL"], "-c", command],
            cwd=given["HOME"],
            env=os.environ | given,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    assert process.stdin is not None
    try:
        process.stdin.write(words.replace("%", "\n").encode())
        process.stdin.close()
    except OSError:  # it reads nothing
        return


def reap() -> None:
    """Take note of the commands that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


def note(text: str) -> None:
    """Write a line to cron's own log."""
    with LOG.open("a") as log:
        log.write(f"{datetime.now(UTC):%b %d %H:%M:%S} CROND: {text}\n")


def main(name: str, words: list[str]) -> int:
    """Be what the name says."""
    if name == "crontab":
        return crontab(words)
    document = json.loads(Path(__file__).with_name("boot.json").read_text())
    serve(began=datetime.fromtimestamp(document["now_s"], UTC), minute_s=document["minute_s"])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
