"""When retraining starts by itself: at the times of a cron expression, and once photos have arrived in S3."""

from airflow.sdk import Asset, AssetOrTimeSchedule, AssetWatcher, CronTriggerTimetable

from musher import names
from musher.errors import SettingsError
from musher.params.retraining import retraining_source
from musher.settings import Settings, read_retrain_schedule, retrains_on_new_data

NEW_DATA = "musher-new-data"
"""The asset that the watch of the source updates."""

SWITCH = "MUSHER_RETRAIN_ON_NEW_DATA"


def retraining_schedule() -> str | list[Asset] | AssetOrTimeSchedule | None:
    """Return the schedule of retraining: a cron expression, the arrival of photos, both or None.

    A DAG's file asks at each parse. SettingsError, which Airflow shows as that DAG's import error, says what
    cannot be watched. Where nothing is to be watched, the variables of AWS may be missing.
    """
    cron = read_retrain_schedule()
    if not retrains_on_new_data():
        return cron
    asset = new_data_asset(Settings.from_env())
    if cron is None:
        return [asset]
    _match_cron(cron)
    return AssetOrTimeSchedule(timetable=CronTriggerTimetable(cron, timezone="UTC"), assets=[asset])


def _match_cron(cron: str) -> None:
    """Raise SettingsError for what is no cron expression: Airflow does not look into a schedule of two kinds.

    It would be the scheduler that fails at it.
    """
    from croniter import croniter  # type: ignore[import-untyped]  # what Airflow itself judges by

    if not croniter.is_valid(cron):
        raise SettingsError(
            f"MUSHER_RETRAIN_SCHEDULE is {cron!r}, and no cron expression. Set it to one such as 0 3 * * *."
        )


def new_data_asset(settings: Settings) -> Asset:
    """Return the asset that each new state of the source updates; SettingsError where none can be watched."""
    from musher.triggers.new_data import NewDataTrigger

    bucket, key = watched_address(settings)
    trigger = NewDataTrigger(
        bucket=bucket,
        key=key,
        quiet_s=settings.retrain_quiet_s,
        aws_conn_id=settings.aws_conn_id,
        region_name=settings.region,
    )
    return Asset(NEW_DATA, watchers=[AssetWatcher(name=f"{NEW_DATA}-in-s3", trigger=trigger)])


def watched_address(settings: Settings) -> tuple[str, str]:
    """Return bucket and key of retraining's source; SettingsError where it is none, or would never rest."""
    source = retraining_source(settings.retrain_conf)
    bucket, _, rest = source.removeprefix("s3://").partition("/")
    key = rest.strip("/")
    if not source.startswith("s3://") or not bucket or not key:
        raise SettingsError(
            f"{SWITCH} is true, and MUSHER_RETRAIN_CONF's source is {source}: only S3 is watched. Name a "
            f"source such as s3://bucket/photos there, or unset {SWITCH}."
        )
    if bucket == names.bucket(settings) and names.is_written(settings, key=key):
        raise SettingsError(
            f"{SWITCH} is true, and below {source} each run writes something itself: it would start the next "
            f"one for ever. Keep the photos below a prefix of their own, such as "
            f"{names.s3_uri(settings, key=f'{settings.project}/photos')}."
        )
    return bucket, key
