"""Arguments of `python -m localaws serve`."""

import pytest

from localaws.__main__ import build_parser, check_arguments


def parse(*arguments: str) -> object:
    parser = build_parser()
    parsed = parser.parse_args(["serve", *arguments])
    check_arguments(parser, parsed)
    return parsed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "70000"], "--port must be between 0 and 65535, not 70000"),
        (["--speed", "0"], "--speed must be positive, not 0.0"),
        (["--host", "example.com"], "--host must be an IPv4 address or localhost, not 'example.com'"),
        (["--host", "0.0.0.0"], "add --allow-remote if that is what you want"),
    ],
)
def test_a_value_that_cannot_work_is_refused(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        parse(*arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_listening_beyond_loopback_takes_an_explicit_flag() -> None:
    assert parse("--host", "0.0.0.0", "--allow-remote").host == "0.0.0.0"  # type: ignore[attr-defined]
