"""Which messages fit which filter patterns: AWS's own examples, and what is refused."""

import pytest

from localaws.cloudwatch_logs.patterns import EventFilter, PatternError, compile_pattern

BAD, UNKNOWN = "[ERROR] 400 bad request", "[ERROR] 419 arguments exception, please check"
MESSAGES = (BAD, UNKNOWN, "[WARN] deprecated", 'he said "stop"', "")


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("", MESSAGES),
        ("   ", MESSAGES),
        ("ERROR", (BAD, UNKNOWN)),
        ("error", ()),
        ("ERROR arguments", (UNKNOWN,)),
        ("arguments ERROR", (UNKNOWN,)),
        ("ERR", (BAD, UNKNOWN)),
        ("?bad ?WARN", (BAD, "[WARN] deprecated")),
        ("ERROR ?WARN", (BAD, UNKNOWN)),
        ("ERROR -arguments", (BAD,)),
        ("-ERROR", ("[WARN] deprecated", 'he said "stop"', "")),
        ('"[ERROR]" 400', (BAD,)),
        ('"bad request"', (BAD,)),
        ('"request bad"', ()),
        ('-"bad request" ERROR', (UNKNOWN,)),
        ('?"exception, please" ?deprecated', (UNKNOWN, "[WARN] deprecated")),
        (r'"\"stop\""', ('he said "stop"',)),
    ],
)
def test_a_pattern_chooses_messages(pattern: str, found: tuple[str, ...]) -> None:
    fits = compile_pattern(pattern)
    assert tuple(message for message in MESSAGES if fits(message)) == found
    assert tuple(message for message in MESSAGES if EventFilter(pattern).matches(message)) == found


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ('{ $.level = "ERROR" }', "localaws does not know JSON filter patterns"),
        ("[ip, user, status=4*]", "localaws does not know space-delimited filter patterns"),
        ("%ERR.*%", "localaws does not know regular expression filter patterns"),
        ("a-b", "Invalid filter pattern: in 'a-b', put what is not only letters"),
        ("ERROR $.x", "Invalid filter pattern"),
        ('"open', "Invalid filter pattern"),
        ('"a"b', "Invalid filter pattern"),
        ("?", "Invalid filter pattern"),
        ("- a", "Invalid filter pattern"),
    ],
)
def test_what_cannot_be_followed_is_refused_and_does_not_let_everything_through(
    pattern: str, sentence: str
) -> None:
    with pytest.raises(PatternError, match=sentence.replace("$", r"\$")):
        compile_pattern(pattern)
