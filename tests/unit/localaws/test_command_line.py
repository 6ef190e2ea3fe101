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
        (["--port", "http"], "argument --port: invalid int value: 'http'"),
        (["--speed", "0"], "--speed must be between 0.01 and 10000, not 0.0"),
        (["--speed", "-1"], "--speed must be between 0.01 and 10000, not -1.0"),
        (["--speed", "nan"], "--speed must be between 0.01 and 10000, not nan"),
        (["--speed", "inf"], "--speed must be between 0.01 and 10000, not inf"),
        (["--speed", "fast"], "argument --speed: invalid float value: 'fast'"),
        (["--region", ""], "--region must be a region of AWS, such as us-east-1, not ''"),
        (["--region", "moon"], "--region must be a region of AWS, such as us-east-1, not 'moon'"),
        (["--region", "us-east-1a"], "--region must be a region of AWS, such as us-east-1"),
        (["--public-url", "nonsense"], "--public-url must be a scheme, a host and perhaps a port"),
        (["--public-url", "http://[::bad"], "--public-url must be a scheme"),
        (["--public-url", "ftp://aws"], "not 'ftp://aws'"),
        (["--public-url", "http://aws:99999"], "not 'http://aws:99999'"),
        (["--public-url", "http://aws/path"], "not 'http://aws/path'"),
        (["--public-url", "http://u@aws"], "not 'http://u@aws'"),
        (["--iam", "strict"], "argument --iam: invalid choice: 'strict'"),
        (["--iam", "enforce"], "--iam enforce and --credentials-file go together"),
        (["--credentials-file", "root"], "--iam enforce and --credentials-file go together"),
        (["--iam", "record"], "--iam record needs --iam-record, the file to write to"),
        (["--iam-record", "asked"], "--iam-record needs --iam record or --iam enforce"),
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


@pytest.mark.parametrize("region", ["eu-central-1", "us-gov-west-1", "cn-north-1", "ap-southeast-5"])
def test_regions_of_every_partition_are_taken(region: str) -> None:
    assert parse("--region", region).region == region  # type: ignore[attr-defined]


@pytest.mark.parametrize("url", ["http://localaws:4566", "https://aws.example", "http://10.0.0.2:80/"])
def test_addresses_for_others_are_taken(url: str) -> None:
    assert parse("--public-url", url).public_url == url  # type: ignore[attr-defined]


def test_a_command_is_needed_and_help_says_which(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, code in (([], 2), (["--help"], 0)):
        with pytest.raises(SystemExit) as stopped:
            build_parser().parse_args(arguments)
        assert stopped.value.code == code
    assert "serve the AWS API until SIGINT or SIGTERM" in capsys.readouterr().out


def test_help_says_what_it_is_and_not_how_it_is_built(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "An AWS for one laptop: moto's API state, plus processes that really train" in said
    assert "mix-in" not in said
