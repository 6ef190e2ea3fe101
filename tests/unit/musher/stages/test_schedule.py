"""When retraining starts by itself, and which sources cannot be watched."""

import json

import pytest
from airflow.sdk import AssetOrTimeSchedule

from musher.errors import SettingsError
from musher.settings import Settings
from musher.stages.schedule import new_data_asset, retraining_schedule, watched_address

OWN = "musher-123456789012-us-east-1"


def settings(source: str) -> Settings:
    return Settings(account_id="123456789012", retrain_conf=json.dumps({"source": source}))


def switch_on(monkeypatch: pytest.MonkeyPatch, *, schedule: str = "") -> None:
    monkeypatch.setenv("MUSHER_ACCOUNT_ID", "123456789012")
    monkeypatch.setenv("MUSHER_RETRAIN_ON_NEW_DATA", "true")
    monkeypatch.setenv("MUSHER_RETRAIN_CONF", '{"source": "s3://photos/new"}')
    monkeypatch.setenv("MUSHER_RETRAIN_SCHEDULE", schedule)


@pytest.mark.parametrize("value", ["", "false"])
def test_switched_off_it_is_the_cron_expression_and_needs_no_account(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MUSHER_ACCOUNT_ID", raising=False)
    monkeypatch.setenv("MUSHER_RETRAIN_ON_NEW_DATA", value)
    monkeypatch.setenv("MUSHER_RETRAIN_SCHEDULE", "0 3 * * *")
    assert retraining_schedule() == "0 3 * * *"


def test_new_data_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    switch_on(monkeypatch)
    [asset] = retraining_schedule()
    assert asset.name == "musher-new-data"


def test_new_data_or_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    switch_on(monkeypatch, schedule="0 3 * * *")
    both = retraining_schedule()
    assert isinstance(both, AssetOrTimeSchedule)
    assert (both.timetable.expression, both.timetable.timezone) == ("0 3 * * *", "UTC")


@pytest.mark.parametrize("cron", ["every night", "99 3 * * *", "@once"])
def test_beside_new_data_the_cron_expression_is_judged_here(
    cron: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch_on(monkeypatch, schedule=cron)
    with pytest.raises(SettingsError, match=r"MUSHER_RETRAIN_SCHEDULE is .*no cron expression"):
        retraining_schedule()


def test_the_watch_has_the_installation_s_connection_region_and_pace() -> None:
    made = Settings(
        account_id="123456789012",
        region="eu-west-1",
        aws_conn_id="mine",
        retrain_quiet_s=60,
        retrain_conf='{"source": "s3://photos/new/"}',
    )
    [watcher] = new_data_asset(made).watchers
    assert watcher.trigger.serialize()[1] == {
        "bucket": "photos",
        "key": "new",
        "quiet_s": 60,
        "aws_conn_id": "mine",
        "region_name": "eu-west-1",
    }


@pytest.mark.parametrize(
    "source", ["digits", "/photos", "https://example.com/p.zip", "s3://photos", "s3:///x"]
)
def test_only_s3_is_watched(source: str) -> None:
    with pytest.raises(SettingsError, match="only S3 is watched") as error:
        watched_address(settings(source))
    assert source in str(error.value)


@pytest.mark.parametrize("conf", ["", "{}", '{"source": 3}'])
def test_without_a_source_nothing_can_be_watched(conf: str) -> None:
    with pytest.raises(SettingsError, match="MUSHER_RETRAIN_CONF names no source"):
        watched_address(Settings(account_id="123456789012", retrain_conf=conf))


@pytest.mark.parametrize(
    "key", ["musher", "musher/", "musher/datasets", "musher/datasets/x", "musher/reports"]
)
def test_what_the_runs_themselves_write_is_not_watched(key: str) -> None:
    with pytest.raises(SettingsError, match="it would start the next one for ever"):
        watched_address(settings(f"s3://{OWN}/{key}"))


@pytest.mark.parametrize("key", ["musher/photos", "musher/datasets-of-mine", "photos"])
def test_photos_beside_that_are(key: str) -> None:
    assert watched_address(settings(f"s3://{OWN}/{key}")) == (OWN, key)
