"""docs/aws.md: its settings are those of the code, its parameters those of the stack, its tests exist."""

import re
from pathlib import Path

import pytest
from cfnlint.decode.cfn_yaml import load

from musher.settings import Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "aws.md").read_text()
TABLE = dict(re.findall(r"^\| `(MUSHER_\w+)` \| ([^|]+) \|", PAGE, re.MULTILINE))
NUMBERS = ("poll_interval_s", "ttl_h", "log_days")
TEXTS = ("project", "region", "aws_conn_id")


def test_every_setting_has_a_row_in_the_order_of_the_code() -> None:
    assert list(TABLE) == [f"MUSHER_{name.upper()}" for name in Settings.__dataclass_fields__]


@pytest.mark.parametrize("name", [*TEXTS, *NUMBERS])
def test_the_defaults_are_the_codes(name: str) -> None:
    default = getattr(Settings(account_id="123456789012"), name)
    assert TABLE[f"MUSHER_{name.upper()}"] == (f"{default:g}" if name in NUMBERS else default)


def test_what_is_off_or_empty_by_default_is_so_in_the_code() -> None:
    settings = Settings(account_id="123456789012")
    for name in Settings.__dataclass_fields__:
        text = TABLE[f"MUSHER_{name.upper()}"]
        if text in ("none", "false"):
            assert not getattr(settings, name), name


def test_the_stacks_parameters_that_it_names_exist() -> None:
    named = set(re.findall(r"`([A-Z][A-Za-z0-9]+)(?:=true)?`", PAGE)) | set(
        re.findall(r"overrides (\w+)=", PAGE)
    )
    assert {"SourceBucketArns", "UseVpc", "AirflowPrincipalArn"} <= named
    assert named <= set(load(ROOT / "infra" / "bootstrap.yaml")["Parameters"])


def test_every_parameter_of_the_stack_has_a_row_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `([A-Z][A-Za-z0-9]+)` \| ([^|]+) \|", PAGE, re.MULTILINE))
    parameters = load(ROOT / "infra" / "bootstrap.yaml")["Parameters"]
    assert list(rows) == list(parameters)
    for name, declared in parameters.items():
        default = str(declared["Default"])
        assert rows[name] == default or (not default and rows[name] in {"none", "S3's own", "AWS's own"}), (
            name
        )


def test_the_tests_that_it_names_exist() -> None:
    names = set(re.findall(r"\b(test_\w+\.py)", PAGE))
    assert len(names) > 8
    assert names <= {path.name for path in (ROOT / "tests").rglob("test_*.py")}


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / target).is_file(), target
