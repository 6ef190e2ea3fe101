"""Stage of reap_resources: remove what has outlived its time."""

import logging

from airflow.sdk import task

from musher.results import Reaped

logger = logging.getLogger(__name__)


@task(multiple_outputs=False)
def reap() -> list[Reaped]:
    """Find what has outlived its tags, and remove it unless the run is dry; return all that was found.

    All is tried, and what fails is reported together at the end.
    """
    from datetime import UTC, datetime

    from musher import clock
    from musher.operators.base import fail_without_retry
    from musher.stages.reap_plan import Reaper, write_table
    from musher.stages.removal import raise_failures
    from musher.stages.run import current_run

    with fail_without_retry():
        run = current_run()
        now = datetime.fromtimestamp(clock.now(), tz=UTC)
        reaper = Reaper(run.settings, now=now, is_dry=bool(run.params["dry_run"]))
        reaper.run()
        logger.info("%s", write_table(reaper.reaped))
        raise_failures(reaper.failures, tried=reaper.tried)
        return reaper.reaped
