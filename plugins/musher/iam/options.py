"""The command line of `python -m musher.iam`."""

import argparse
from pathlib import Path

from musher.iam.findings import SEVERITIES, Limits

TEXT, JSON, SARIF = "text", "json", "sarif"


def build_parser() -> argparse.ArgumentParser:
    """Return the parser."""
    parser = argparse.ArgumentParser(prog="python -m musher.iam", description="Audit an account's IAM.")
    commands = parser.add_subparsers(dest="command", required=True)
    audit = commands.add_parser("audit", help="look at the account that boto3's credentials belong to")
    _add_output(audit)
    audit.add_argument("--unused-days", type=_positive, default=Limits.unused_days)
    audit.add_argument("--project", default=Limits.project, help="what the project's own names begin with")
    audit.add_argument("--validate", action="store_true", help="ask Access Analyzer about each document, too")
    audit.add_argument("--simulate", action="store_true", help="ask IAM's simulation about escalations, too")
    audit.add_argument("--fix", action="store_true", help="apply remedies: each is shown, and asked about")
    audit.add_argument("--yes", action="store_true", help="with --fix: do not ask")
    audit.add_argument("--all", action="store_true", help="with --fix: not only the project's own resources")
    check = commands.add_parser("check", help="look at policy documents in files; AWS is not asked")
    check.add_argument("files", nargs="+", type=Path)
    _add_output(check)
    return parser


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=(TEXT, JSON, SARIF), default=TEXT)
    parser.add_argument("--baseline", type=Path, help="accepted findings (docs/iam-audit.md)")
    parser.add_argument("--fail-on", choices=SEVERITIES, default="high", help="exit 1 from this severity on")


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value
