"""Account-level settings: the only module that reads environment variables.

Per-run choices are DAG Params; what belongs to an installation is a `MUSHER_*` variable:

    MUSHER_ACCOUNT_ID       required; the AWS account, 12 digits
    MUSHER_PROJECT          musher; prefix of every AWS name
    MUSHER_REGION           us-east-1
    MUSHER_AWS_CONN_ID      aws_default; the Airflow connection that all AWS access goes through
    MUSHER_TRAINING_IMAGE   AWS's newest PyTorch training container for the region and the instance type
    MUSHER_MODEL_IMAGE      the serving image built from training/Dockerfile, in the account's registry
    MUSHER_TRAINING_DIR     training/ beside the plugins folder
    MUSHER_LAMBDA_DIR       lambda/ beside the plugins folder
    MUSHER_POLL_INTERVAL_S  10; seconds between two looks at a job or an endpoint
    MUSHER_TTL_H            24; hours after which what a run left behind counts as expired
    MUSHER_LOG_DAYS         30; days for which the logs of endpoints and functions are kept
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from musher import images
from musher.errors import SettingsError

REPOSITORY = Path(__file__).resolve().parents[2]

PROJECT_PATTERN = re.compile(r"[a-z][a-z0-9-]{0,16}[a-z0-9]")
"""2 to 18 characters, so that the longest name (a tuning job's, 32 characters) still fits."""

LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922)
"""https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"""

REGION_PATTERN = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Hold what belongs to an installation: account, region, images, folders, waits."""

    account_id: str
    project: str = "musher"
    region: str = "us-east-1"
    aws_conn_id: str = "aws_default"
    training_image: str = ""
    """Empty: chosen by region and instance type. Ask `training_image_for`."""
    model_image: str = ""
    training_dir: Path = REPOSITORY / "training"
    lambda_dir: Path = REPOSITORY / "lambda"
    poll_interval_s: float = 10.0
    ttl_h: float = 24.0
    log_days: int = 30

    def __post_init__(self) -> None:
        """Check each value and fill in the serving image, which depends on account and region."""
        _match("MUSHER_ACCOUNT_ID", self.account_id, re.compile(r"\d{12}"), "the 12 digits of an AWS account")
        _match("MUSHER_PROJECT", self.project, PROJECT_PATTERN, "2 to 18 of a-z, 0-9 and -, starting a-z")
        _match("MUSHER_REGION", self.region, REGION_PATTERN, "an AWS region such as us-east-1")
        _at_least("MUSHER_POLL_INTERVAL_S", self.poll_interval_s, 0.01)
        _at_least("MUSHER_TTL_H", self.ttl_h, 0.1)
        if self.log_days not in LOG_DAYS:
            raise SettingsError(
                f"MUSHER_LOG_DAYS is {self.log_days}. Set it to one of {', '.join(map(str, LOG_DAYS))}."
            )
        if not self.training_image:
            images.check_region(self.region)
        object.__setattr__(self, "model_image", self.model_image or self._default_model_image())

    def training_image_for(self, *, instance_type: str) -> str:
        """Return the installation's own training image, or AWS's for this instance type."""
        return self.training_image or images.training_image(region=self.region, instance_type=instance_type)

    def _default_model_image(self) -> str:
        return f"{self.account_id}.dkr.ecr.{self.region}.amazonaws.com/{self.project}-model:latest"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the MUSHER_* variables; raise SettingsError naming the variable that is wrong.

        An empty variable counts as unset, as docker-compose passes unset ones.
        """
        environ = os.environ if environ is None else environ
        given = {name: value for name, value in environ.items() if value.strip()}
        if "MUSHER_ACCOUNT_ID" not in given:
            raise SettingsError(
                "MUSHER_ACCOUNT_ID is not set. Set it to the 12 digits of the AWS account to work in."
            )
        values: dict[str, object] = {}
        for field in cls.__dataclass_fields__.values():
            name = f"MUSHER_{field.name.upper()}"
            if name in given:
                values[field.name] = _parse(name, given[name].strip(), field.type)
        return cls(**values)  # type: ignore[arg-type]  # the field names and types are this class's own


def _parse(name: str, text: str, kind: Any) -> object:
    """Convert a variable's text to its field's type."""
    if kind is Path:
        return Path(text)
    if kind not in (float, int):
        return text
    try:
        return kind(text)
    except ValueError:
        wanted = "a number" if kind is float else "a whole number"
        raise SettingsError(f"{name} is {text!r}: not {wanted}. Set it to one such as 10.") from None


def _match(name: str, value: str, pattern: re.Pattern[str], wanted: str) -> None:
    if not pattern.fullmatch(value):
        raise SettingsError(f"{name} is {value!r}. Set it to {wanted}.")


def _at_least(name: str, value: float, minimum: float) -> None:
    if not value >= minimum:
        raise SettingsError(f"{name} is {value}. Set it to at least {minimum}.")
