"""Settings: defaults, what is derived from them, and errors that name the variable."""

import re
from pathlib import Path

import pytest

from musher import settings as settings_module
from musher.errors import SettingsError
from musher.settings import Settings, read_retrain_schedule, retrains_on_new_data, smoke_test_schedule

ACCOUNT = {"MUSHER_ACCOUNT_ID": "123456789012"}
SUBNET, GROUP = "subnet-0123456789abcdef0", "sg-0123456789abcdef0"
SUBNETS = ",".join(f"subnet-{number:017x}" for number in range(17))
KEY = "arn:aws:kms:eu-west-1:210987654321:key/12345678-90ab-cdef-1234-567890abcdef"


def test_only_the_account_is_required() -> None:
    settings = Settings.from_env(ACCOUNT)
    assert (settings.project, settings.region, settings.aws_conn_id) == ("musher", "us-east-1", "aws_default")
    assert settings.model_image == ""
    image = settings.training_image_for(instance_type="ml.m5.xlarge")
    assert image.startswith("763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:")
    assert (settings.training_dir / "train.py").is_file()
    assert (settings.lambda_dir / "musher_lambda.py").is_file()


def test_every_variable_is_read() -> None:
    settings = Settings.from_env(
        {
            "MUSHER_ACCOUNT_ID": "210987654321",
            "MUSHER_PROJECT": "dogs",
            "MUSHER_REGION": "eu-west-1",
            "MUSHER_AWS_CONN_ID": "aws_dogs",
            "MUSHER_TRAINING_IMAGE": "registry/train:1",
            "MUSHER_MODEL_IMAGE": "registry/serve:1",
            "MUSHER_TRAINING_DIR": "/opt/training",
            "MUSHER_LAMBDA_DIR": "/opt/lambda",
            "MUSHER_POLL_INTERVAL_S": "0.5",
            "MUSHER_TTL_H": "2",
            "MUSHER_SOURCE_BUCKETS": "photos, more-photos,photos",
            "MUSHER_SUBNETS": "subnet-0123456789abcdef0",
            "MUSHER_SECURITY_GROUPS": "sg-0123456789abcdef0,sg-0123456789abcdef1",
            "MUSHER_OUTPUT_KMS_KEY": KEY,
            "MUSHER_VOLUME_KMS_KEY": "arn:aws:kms:eu-west-1:210987654321:alias/disks",
            "MUSHER_ENCRYPT_TRAFFIC": "True",
            "MUSHER_ISOLATE_NETWORK": "yes",
            "MUSHER_CONSOLE_URL": "http://127.0.0.1:4566/_localaws/",
            "MUSHER_RETRAIN_SCHEDULE": "0 3 * * *",
            "MUSHER_RETRAIN_CONF": '{"source": "/photos"}',
            "MUSHER_RETRAIN_ON_NEW_DATA": "true",
            "MUSHER_RETRAIN_QUIET_S": "60",
        }
    )
    assert settings == Settings(
        account_id="210987654321",
        project="dogs",
        region="eu-west-1",
        aws_conn_id="aws_dogs",
        training_image="registry/train:1",
        model_image="registry/serve:1",
        training_dir=Path("/opt/training"),
        lambda_dir=Path("/opt/lambda"),
        poll_interval_s=0.5,
        ttl_h=2.0,
        source_buckets=("photos", "more-photos"),
        subnets=("subnet-0123456789abcdef0",),
        security_groups=("sg-0123456789abcdef0", "sg-0123456789abcdef1"),
        output_kms_key=KEY,
        volume_kms_key="arn:aws:kms:eu-west-1:210987654321:alias/disks",
        encrypt_traffic=True,
        isolate_network=True,
        console_url="http://127.0.0.1:4566/_localaws/",
        retrain_schedule="0 3 * * *",
        retrain_conf='{"source": "/photos"}',
        retrain_on_new_data=True,
        retrain_quiet_s=60.0,
    )


def test_the_modules_table_names_every_variable() -> None:
    documented = re.findall(r"^    (MUSHER_\w+) ", settings_module.__doc__ or "", re.MULTILINE)
    assert documented == [f"MUSHER_{name.upper()}" for name in Settings.__dataclass_fields__]


def test_an_image_of_ones_own_is_used_for_every_instance_type_and_in_every_region() -> None:
    settings = Settings.from_env(
        {**ACCOUNT, "MUSHER_TRAINING_IMAGE": "registry/train:1", "MUSHER_REGION": "xx-moon-1"}
    )
    for instance_type in ("ml.m5.xlarge", "ml.g5.xlarge"):
        assert settings.training_image_for(instance_type=instance_type) == "registry/train:1"


def test_an_empty_variable_counts_as_unset() -> None:
    assert Settings.from_env({**ACCOUNT, "MUSHER_PROJECT": " "}).project == "musher"


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSHER_ACCOUNT_ID", "111122223333")
    assert Settings.from_env().account_id == "111122223333"


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, "MUSHER_ACCOUNT_ID is not set"),
        ({"MUSHER_ACCOUNT_ID": "1234"}, "MUSHER_ACCOUNT_ID is '1234'"),
        ({**ACCOUNT, "MUSHER_PROJECT": "Musher"}, "MUSHER_PROJECT is 'Musher'"),
        ({**ACCOUNT, "MUSHER_PROJECT": "a" * 19}, "MUSHER_PROJECT is 'aaaaaaaaaaaaaaaaaaa'"),
        ({**ACCOUNT, "MUSHER_PROJECT": "dogs-"}, "MUSHER_PROJECT is 'dogs-'"),
        ({**ACCOUNT, "MUSHER_REGION": "Ireland"}, "MUSHER_REGION is 'Ireland'"),
        ({**ACCOUNT, "MUSHER_REGION": "xx-moon-1"}, "MUSHER_REGION is 'xx-moon-1', for which no PyTorch"),
        ({**ACCOUNT, "MUSHER_POLL_INTERVAL_S": "soon"}, "MUSHER_POLL_INTERVAL_S is 'soon': not a number"),
        ({**ACCOUNT, "MUSHER_POLL_INTERVAL_S": "0"}, "MUSHER_POLL_INTERVAL_S is 0.0"),
        ({**ACCOUNT, "MUSHER_TTL_H": "nan"}, "MUSHER_TTL_H is nan"),
        ({**ACCOUNT, "MUSHER_SOURCE_BUCKETS": "s3://photos"}, "MUSHER_SOURCE_BUCKETS holds 's3://photos'"),
        (
            {**ACCOUNT, "MUSHER_SUBNETS": "vpc-1"},
            "MUSHER_SUBNETS holds 'vpc-1'. Set it to ids such as subnet",
        ),
        ({**ACCOUNT, "MUSHER_SUBNETS": SUBNET}, "MUSHER_SECURITY_GROUPS is not set. A VPC needs"),
        ({**ACCOUNT, "MUSHER_SECURITY_GROUPS": GROUP}, "MUSHER_SUBNETS is not set. A VPC needs"),
        ({**ACCOUNT, "MUSHER_SECURITY_GROUPS": "group"}, "MUSHER_SECURITY_GROUPS holds 'group'"),
        ({**ACCOUNT, "MUSHER_SUBNETS": SUBNETS, "MUSHER_SECURITY_GROUPS": GROUP}, "MUSHER_SUBNETS holds 17"),
        ({**ACCOUNT, "MUSHER_OUTPUT_KMS_KEY": "my-key"}, "MUSHER_OUTPUT_KMS_KEY is 'my-key'"),
        ({**ACCOUNT, "MUSHER_VOLUME_KMS_KEY": "my-key"}, "MUSHER_VOLUME_KMS_KEY is 'my-key'"),
        ({**ACCOUNT, "MUSHER_ENCRYPT_TRAFFIC": "often"}, "MUSHER_ENCRYPT_TRAFFIC is 'often': neither"),
        ({**ACCOUNT, "MUSHER_CONSOLE_URL": "javascript:alert(1)"}, "MUSHER_CONSOLE_URL is 'javascript:"),
        ({**ACCOUNT, "MUSHER_CONSOLE_URL": "http://a/#b"}, "MUSHER_CONSOLE_URL is 'http://a/#b'. Set it to"),
        ({**ACCOUNT, "MUSHER_ISOLATE_NETWORK": "1"}, "MUSHER_ISOLATE_NETWORK is true, and AWS's"),
    ],
)
def test_a_wrong_value_is_refused_by_its_variable(environ: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match="^" + message):
        Settings.from_env(environ)


@pytest.mark.parametrize(
    ("given", "schedule"),
    [
        ({}, "@daily"),
        ({"MUSHER_SMOKE_TEST_CRON": ""}, "@daily"),
        ({"MUSHER_SMOKE_TEST_CRON": "*/30 6-20 * * MON-FRI"}, "*/30 6-20 * * MON-FRI"),
        ({"MUSHER_SMOKE_TEST_CRON": "never"}, None),
    ],
)
def test_the_live_function_is_tested_when_its_variable_says(
    given: dict[str, str], schedule: str | None
) -> None:
    assert smoke_test_schedule(given) == schedule


def test_what_is_no_schedule_names_its_variable() -> None:
    with pytest.raises(SettingsError, match="MUSHER_SMOKE_TEST_CRON is 'sometimes'"):
        smoke_test_schedule({"MUSHER_SMOKE_TEST_CRON": "sometimes"})


@pytest.mark.parametrize("topic", ["musher-alerts", "arn:aws:sns:us-east-1:123456789012:musher.fifo"])
def test_what_is_no_standard_topic_is_refused(topic: str) -> None:
    with pytest.raises(SettingsError, match="MUSHER_ALERT_TOPIC"):
        Settings(account_id="123456789012", alert_topic=topic)


@pytest.mark.parametrize(("given", "read"), [({}, None), ({"MUSHER_RETRAIN_SCHEDULE": " "}, None)])
def test_without_a_schedule_nothing_runs_by_itself(given: dict[str, str], read: str | None) -> None:
    assert read_retrain_schedule(given) == read


def test_a_dag_file_reads_the_schedule_without_an_account() -> None:
    assert read_retrain_schedule({"MUSHER_RETRAIN_SCHEDULE": "0 3 * * * "}) == "0 3 * * *"


@pytest.mark.parametrize(("given", "read"), [({}, False), ({"MUSHER_RETRAIN_ON_NEW_DATA": "true"}, True)])
def test_a_dag_file_learns_without_an_account_whether_to_watch(given: dict[str, str], read: bool) -> None:
    assert retrains_on_new_data(given) is read


def test_a_switch_that_is_no_truth_value_is_refused() -> None:
    with pytest.raises(SettingsError, match="MUSHER_RETRAIN_ON_NEW_DATA is 'hourly'"):
        retrains_on_new_data({"MUSHER_RETRAIN_ON_NEW_DATA": "hourly"})


def test_the_source_is_not_looked_at_without_a_pause() -> None:
    with pytest.raises(SettingsError, match=r"MUSHER_RETRAIN_QUIET_S is 0.0. Set it to at least 1.0"):
        Settings(account_id="123456789012", retrain_quiet_s=0.0)
