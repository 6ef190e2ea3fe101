"""cron inside a notebook instance."""

import io
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import croniter
import pytest

from localaws.children import notebook_cron as cron

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)  # a Sunday


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the tables, which is the test's own."""
    monkeypatch.setattr(cron, "SPOOL", tmp_path)
    monkeypatch.setattr(cron, "LOG", tmp_path / ".log")
    return tmp_path


@pytest.mark.parametrize(
    "fields",
    [
        "*/5 * * * *",
        "0 12 * * sun",
        "1-30/7,45 8-17 * * mon-fri",
        "30 4 1,15 * 5",
        "0 0 29 feb *",
        "59 23 31 12 7",
        "7/20 * * jan-mar *",
    ],
)
def test_a_line_is_due_when_croniter_says_so(fields: str) -> None:
    entry = cron.parse_entry(f"{fields} date", environment={})
    numbers = random.Random(7)
    for _ in range(2_000):
        moment = NOON + timedelta(minutes=numbers.randrange(60 * 24 * 1_500))
        assert entry.is_due(moment) is croniter.croniter.match(fields, moment), moment


def test_each_field_can_be_due() -> None:
    assert cron.parse_entry("0 12 1 3 0 date", environment={}).is_due(NOON)
    assert not cron.parse_entry("1 12 1 3 0 date", environment={}).is_due(NOON)
    assert cron.parse_entry("@hourly date", environment={}).is_due(NOON)
    assert not cron.parse_entry("@daily date", environment={}).is_due(NOON)


def test_variables_comments_and_reboots_are_read() -> None:
    entries = cron.parse('# words\n\nMAILTO=""\nPATH = /bin\n@reboot echo up\n* * * * * a=b c\n')
    assert [entry.command for entry in entries] == ["echo up", "a=b c"]
    assert entries[0].fields == ()
    assert not entries[0].is_due(NOON)
    assert entries[1].environment == {"MAILTO": "", "PATH": "/bin"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("* * * * *", "five fields and a command"),
        ("60 * * * * date", "bad value '60': it must be from 0 to 59"),
        ("* 5-2 * * * date", "bad value '5-2'"),
        ("*/0 * * * * date", "bad step '0'"),
        ("* * * may-x * date", "bad value 'x'"),
        ("@never date", "five fields"),
    ],
    ids=["no command", "range", "backwards", "step", "name", "nickname"],
)
def test_a_line_that_makes_no_sense_is_named(line: str, said: str) -> None:
    with pytest.raises(ValueError, match='"-":2: ') as caught:
        cron.parse(f"# first\n{line}\n")
    assert said in str(caught.value)


def test_a_table_is_installed_shown_and_removed(
    spool: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cron.crontab(["-l"]) == 1
    assert capsys.readouterr().err == "no crontab for root\n"
    monkeypatch.setattr("sys.stdin", io.StringIO("* * * * * date\n"))
    assert cron.crontab(["-"]) == 0
    assert cron.crontab(["-u", "root", "-l"]) == 0
    assert capsys.readouterr().out == "* * * * * date\n"
    assert [entry.command for entry in cron.entries()] == ["date"]
    assert cron.crontab(["-r"]) == 0
    assert list(cron.entries()) == []


def test_a_table_that_makes_no_sense_replaces_nothing(
    spool: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (spool / "root").write_text("* * * * * kept\n")
    (tmp_path / ".bad").write_text("nonsense\n")
    assert cron.crontab([str(tmp_path / ".bad")]) == 1
    assert cron.crontab([str(tmp_path / ".none")]) == 1
    assert capsys.readouterr().err.count("can't install") == 2
    assert (spool / "root").read_text() == "* * * * * kept\n"


@pytest.mark.parametrize("words", [["-e"], ["-u", "other", "-l"], ["a", "b"]])
def test_other_words_are_refused(spool: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert cron.crontab(words) == 1
    assert capsys.readouterr().err == cron.USAGE


def test_minutes_are_run_once_and_only_a_few_are_made_up_for() -> None:
    after = NOON + timedelta(seconds=30)
    assert list(cron.minutes_between(after, after + timedelta(seconds=29))) == []
    assert list(cron.minutes_between(after, after + timedelta(seconds=30))) == [NOON + timedelta(minutes=1)]
    missed = list(cron.minutes_between(after, after + timedelta(hours=3)))
    assert len(missed) == cron.MAX_BEHIND_MINUTES
    assert missed == sorted(missed)
    assert missed[-1] == NOON + timedelta(hours=3)


def test_a_broken_table_leaves_the_others(spool: Path) -> None:
    (spool / "ec2-user").write_text("broken\n")
    (spool / "root").write_text("* * * * * date\n")
    assert [entry.command for entry in cron.entries()] == ["date"]
    assert "ec2-user: " in cron.LOG.read_text()
