"""Account-level settings: the only module that reads environment variables.

Per-run choices are DAG Params; what belongs to an installation is a `MUSHER_*` variable:

    MUSHER_ACCOUNT_ID       required; the AWS account, 12 digits
    MUSHER_PROJECT          musher; prefix of every AWS name
    MUSHER_REGION           us-east-1
    MUSHER_AWS_CONN_ID      aws_default; the Airflow connection that all AWS access goes through
    MUSHER_TRAINING_IMAGE   AWS's newest PyTorch training container for the region and the instance type
    MUSHER_MODEL_IMAGE      the image that the account builds from training/Dockerfile, by its content
    MUSHER_TRAINING_DIR     training/ beside the plugins folder
    MUSHER_LAMBDA_DIR       lambda/ beside the plugins folder
    MUSHER_POLL_INTERVAL_S  10; seconds between two looks at a job or an endpoint
    MUSHER_TTL_H            24; hours after which what a run left behind counts as expired
    MUSHER_LOG_DAYS         30; days for which the logs of endpoints and functions are kept
    MUSHER_REPORT_DAYS      none; days after which reap_resources removes a run's report
    MUSHER_SOURCE_BUCKETS   none; other buckets that hold data sets or weights
    MUSHER_SUBNETS          none; the VPC subnets in which jobs, endpoints and functions run
    MUSHER_SECURITY_GROUPS  none; their security groups
    MUSHER_OUTPUT_KMS_KEY   the bucket's own; ARN of the key that encrypts what jobs write to S3
    MUSHER_VOLUME_KMS_KEY   AWS's own; ARN of the key that encrypts the disks of jobs and endpoints
    MUSHER_ENCRYPT_TRAFFIC  false; whether the instances of a training job encrypt what they exchange
    MUSHER_ISOLATE_NETWORK  false; whether training and serving containers are cut off from every network
    MUSHER_SHOW_CONTEXT     false; whether the function's answers show its context, which names the account
    MUSHER_CONSOLE_URL      AWS's; the page that links of tasks and reports lead to (musher/console.py)
    MUSHER_ALERT_TOPIC      none; ARN of the SNS topic that hears of a live function that fails its test
    MUSHER_SMOKE_TEST_CRON  @daily; when the live function is tested; `never`: only by hand
    MUSHER_REAP_SCHEDULE    none; when reap_resources looks by itself: a cron expression, in UTC
    MUSHER_AUDIT_SCHEDULE   none; when audit_iam runs by itself: a cron expression, in UTC
    MUSHER_RETRAIN_SCHEDULE none; when retrain_on_schedule runs by itself: a cron expression, in UTC
    MUSHER_RETRAIN_CONF     none; its Params as a JSON object, above all the `source` (params/retraining.py)
    MUSHER_RETRAIN_ON_NEW_DATA  false; whether it also runs once objects have come to its source in S3
    MUSHER_RETRAIN_QUIET_S  600; seconds between two looks at that source, for which nothing may change there

Lists are separated by commas. docs/aws.md says what each needs in the account.
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

PROJECT_PATTERN = r"[a-z][a-z0-9-]{0,16}[a-z0-9]"
"""2 to 18 characters, so that the longest name (a tuning job's, 32 characters) still fits."""

LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922)
"""https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"""

SUBNET_PATTERN = r"subnet-[0-9a-f]{8,17}"
SECURITY_GROUP_PATTERN = r"sg-[0-9a-f]{8,17}"
BUCKET_PATTERN = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""

KEY_PATTERN = r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:(key/[0-9a-zA-Z-]+|alias/[a-zA-Z0-9/_-]+)"

MAX_SUBNETS, MAX_SECURITY_GROUPS = 16, 5
"""SageMaker's limits: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_VpcConfig.html"""

TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}

REGION_PATTERN = r"[a-z]{2,4}(-[a-z]+)+-\d"
TOPIC_PATTERN = r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}"
DAILY, NEVER = "@daily", "never"
CRON_PATTERN = r"@(hourly|daily|weekly|monthly)|never|[\d*,/-]+( [\w*,/#-]+){4}"
URL_PATTERN = r"https?://[^\s/#]+(/[^\s#]*)?"


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
    """Empty: built in the account from training/Dockerfile, and named by its content."""
    training_dir: Path = REPOSITORY / "training"
    lambda_dir: Path = REPOSITORY / "lambda"
    poll_interval_s: float = 10.0
    ttl_h: float = 24.0
    log_days: int = 30
    report_days: int = 0
    """0: reports are kept for ever."""
    source_buckets: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    output_kms_key: str = ""
    volume_kms_key: str = ""
    encrypt_traffic: bool = False
    isolate_network: bool = False
    show_context: bool = False
    console_url: str = ""
    """Empty: AWS's, where the API is AWS's."""
    alert_topic: str = ""
    """Empty: nobody is told."""
    smoke_test_cron: str = DAILY
    """Ask `smoke_test_schedule`: a DAG's file needs it."""
    reap_schedule: str = ""
    """Empty: never. DAG files ask `read_reap_schedule`."""
    audit_schedule: str = ""
    """Empty: never. DAG files ask `read_audit_schedule`."""
    retrain_schedule: str = ""
    """Empty: never. DAG files ask `read_retrain_schedule`, which needs no account."""
    retrain_conf: str = ""
    retrain_on_new_data: bool = False
    """DAG files ask `retrains_on_new_data`."""
    retrain_quiet_s: float = 600.0

    def __post_init__(self) -> None:
        """Check each value; SettingsError names its variable."""
        _match("MUSHER_ACCOUNT_ID", self.account_id, r"\d{12}", "the 12 digits of an AWS account")
        _match("MUSHER_PROJECT", self.project, PROJECT_PATTERN, "2 to 18 of a-z, 0-9 and -, starting a-z")
        _match("MUSHER_REGION", self.region, REGION_PATTERN, "an AWS region such as us-east-1")
        _at_least("MUSHER_POLL_INTERVAL_S", self.poll_interval_s, 0.01)
        _at_least("MUSHER_TTL_H", self.ttl_h, 0.1)
        _at_least("MUSHER_REPORT_DAYS", self.report_days, 0)
        _at_least("MUSHER_RETRAIN_QUIET_S", self.retrain_quiet_s, 1.0)
        if self.console_url:
            wanted = "a page's address such as https://console.example.com/aws/"
            _match("MUSHER_CONSOLE_URL", self.console_url, URL_PATTERN, wanted)
        _match_schedule(self.smoke_test_cron)
        if self.alert_topic:
            wanted = "the ARN of an SNS topic that is not FIFO"
            _match("MUSHER_ALERT_TOPIC", self.alert_topic, TOPIC_PATTERN, wanted)
        if self.log_days not in LOG_DAYS:
            raise SettingsError(
                f"MUSHER_LOG_DAYS is {self.log_days}. Set it to one of {', '.join(map(str, LOG_DAYS))}."
            )
        if not self.training_image:
            images.check_region(self.region)
        self._check_lists()
        self._check_security()

    @property
    def notebook_file(self) -> Path:
        """Return the notebook that notebook instances bring: docs/ lies beside the training folder."""
        return self.training_dir.parent / "docs" / "notebook.ipynb"

    def training_image_for(self, *, instance_type: str) -> str:
        """Return the installation's own training image, or AWS's for this instance type."""
        return self.training_image or images.training_image(region=self.region, instance_type=instance_type)

    def _check_lists(self) -> None:
        """Refuse what cannot be a bucket, a subnet or a security group."""
        _match_each("MUSHER_SOURCE_BUCKETS", self.source_buckets, BUCKET_PATTERN, "names of S3 buckets")
        _match_each("MUSHER_SUBNETS", self.subnets, SUBNET_PATTERN, "ids such as subnet-0123456789abcdef0")
        _match_each(
            "MUSHER_SECURITY_GROUPS",
            self.security_groups,
            SECURITY_GROUP_PATTERN,
            "ids such as sg-0123456789abcdef0",
        )
        _at_most("MUSHER_SUBNETS", self.subnets, MAX_SUBNETS)
        _at_most("MUSHER_SECURITY_GROUPS", self.security_groups, MAX_SECURITY_GROUPS)

    def _check_security(self) -> None:
        """Refuse half a VPC, keys that are none, and isolation with an image that installs packages."""
        if bool(self.subnets) != bool(self.security_groups):
            missing = "MUSHER_SUBNETS" if self.security_groups else "MUSHER_SECURITY_GROUPS"
            raise SettingsError(f"{missing} is not set. A VPC needs subnets and security groups: set both.")
        for name, key in (("OUTPUT", self.output_kms_key), ("VOLUME", self.volume_kms_key)):
            if key:
                _match(f"MUSHER_{name}_KMS_KEY", key, KEY_PATTERN, "the ARN of a KMS key or alias")
        if self.isolate_network and not self.training_image:
            raise SettingsError(
                "MUSHER_ISOLATE_NETWORK is true, and AWS's training image installs packages from an index. "
                "Set MUSHER_TRAINING_IMAGE to an image that has them, such as the one built from "
                "training/Dockerfile."
            )

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


def smoke_test_schedule(environ: Mapping[str, str] | None = None) -> str | None:
    """Return when the live function is tested; SettingsError where MUSHER_SMOKE_TEST_CRON is no schedule.

    A DAG's file calls it at each parse: it reads one variable, no file and no network, and fails for no other
    variable.
    """
    environ = os.environ if environ is None else environ
    given = environ.get("MUSHER_SMOKE_TEST_CRON", "").strip() or DAILY
    _match_schedule(given)
    return None if given == NEVER else given


def _match_schedule(given: str) -> None:
    wanted = "@hourly, @daily, 30 4 * * 1-5 or the like, or never"
    _match("MUSHER_SMOKE_TEST_CRON", given, CRON_PATTERN, wanted)


def read_retrain_schedule(environ: Mapping[str, str] | None = None) -> str | None:
    """Return MUSHER_RETRAIN_SCHEDULE, or None where it is unset; a DAG file asks for it when it is parsed.

    It is no more than an environment variable: no database, file or network. Airflow itself refuses what is
    no cron expression, as an import error that names the DAG.
    """
    environ = os.environ if environ is None else environ
    return environ.get("MUSHER_RETRAIN_SCHEDULE", "").strip() or None


def read_reap_schedule(environ: Mapping[str, str] | None = None) -> str | None:
    """Return MUSHER_REAP_SCHEDULE for a DAG's file, None where it is unset; Airflow refuses a wrong one."""
    environ = os.environ if environ is None else environ
    return environ.get("MUSHER_REAP_SCHEDULE", "").strip() or None


def read_audit_schedule(environ: Mapping[str, str] | None = None) -> str | None:
    """Return MUSHER_AUDIT_SCHEDULE for a DAG's file, None where it is unset; Airflow refuses a wrong one."""
    environ = os.environ if environ is None else environ
    return environ.get("MUSHER_AUDIT_SCHEDULE", "").strip() or None


def retrains_on_new_data(environ: Mapping[str, str] | None = None) -> bool:
    """Return MUSHER_RETRAIN_ON_NEW_DATA for a DAG's file; SettingsError where it is no truth value."""
    environ = os.environ if environ is None else environ
    given = environ.get("MUSHER_RETRAIN_ON_NEW_DATA", "").strip()
    return bool(given) and _parse_truth("MUSHER_RETRAIN_ON_NEW_DATA", given)


def _parse(name: str, text: str, kind: Any) -> object:
    """Convert a variable's text to its field's type."""
    if kind is Path:
        return Path(text)
    if kind is bool:
        return _parse_truth(name, text)
    if kind in (float, int):
        return _parse_number(name, text, kind)
    if kind is str:
        return text
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _parse_truth(name: str, text: str) -> bool:
    if text.lower() not in TRUTHS:
        raise SettingsError(f"{name} is {text!r}: neither true nor false. Set it to one of them.")
    return TRUTHS[text.lower()]


def _parse_number(name: str, text: str, kind: type[float] | type[int]) -> float:
    try:
        return kind(text)
    except ValueError:
        wanted = "a number" if kind is float else "a whole number"
        raise SettingsError(f"{name} is {text!r}: not {wanted}. Set it to one such as 10.") from None


def _match(name: str, value: str, pattern: str, wanted: str) -> None:
    if not re.fullmatch(pattern, value):
        raise SettingsError(f"{name} is {value!r}. Set it to {wanted}.")


def _at_least(name: str, value: float, minimum: float) -> None:
    if not value >= minimum:
        raise SettingsError(f"{name} is {value}. Set it to at least {minimum}.")


def _match_each(name: str, values: tuple[str, ...], pattern: str, wanted: str) -> None:
    wrong = [value for value in values if not re.fullmatch(pattern, value)]
    if wrong:
        raise SettingsError(f"{name} holds {', '.join(map(repr, wrong))}. Set it to {wanted}, with commas.")


def _at_most(name: str, values: tuple[str, ...], maximum: int) -> None:
    if len(values) > maximum:
        raise SettingsError(f"{name} holds {len(values)} ids; SageMaker takes {maximum}. Name fewer.")
