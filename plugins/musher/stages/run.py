"""What a task knows of the DAG run that it belongs to."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import get_current_context

from musher import clock, names
from musher.params.form import INTEGERS
from musher.params.retraining import RETRAINING, retraining_params
from musher.payloads.tags import LIVE, live_tags, resource_tags
from musher.settings import Settings

AIRFLOWS_OWN = "airflow/"
"""Keys of a run's conf that begin so are Airflow's, such as `airflow/task_span_detail_level`."""

DAG_TEST = "dag_test"
"""Who has triggered a run, as `DAG.test` of airflow/sdk/definitions/dag.py writes it."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """Hold the installation's settings and one run's ids and Params."""

    settings: Settings
    dag_id: str
    run_id: str
    started_at: datetime
    params: Mapping[str, Any]
    unknown_params: tuple[str, ...] = ()
    """Names that the run was triggered with and its DAG does not have: Airflow takes them in silence."""
    is_test: bool = False
    """Whether `airflow dags test` runs it, where one task follows another in one process."""

    def with_params(self, params: Mapping[str, Any]) -> "Run":
        """Return the same run with other Params."""
        return replace(self, params=params)

    @property
    def slug(self) -> str:
        """Return the 8 hex digits that stand for the run in names."""
        return names.run_slug(dag_id=self.dag_id, run_id=self.run_id)

    @property
    def is_live(self) -> bool:
        """Return whether what the run deploys stays in operation."""
        return bool(self.params["lifetime"] == LIVE)

    @property
    def endpoint_name(self) -> str:
        """Return the name of the endpoint that the run deploys to."""
        if self.is_live:
            return names.live_endpoint(self.settings)
        return names.endpoint(self.settings, slug=self.slug)

    @property
    def function_name(self) -> str:
        """Return the name of the function that the run deploys."""
        if self.is_live:
            return names.live_function(self.settings)
        return names.function(self.settings, slug=self.slug)

    @property
    def deployment_tags(self) -> dict[str, str]:
        """Return the tags of what the run deploys: what stays does not expire."""
        return live_tags(self.settings, slug=self.slug) if self.is_live else self.tags

    @property
    def tags(self) -> dict[str, str]:
        """Return the tags of everything that the run pays for, and that ends with it.

        Its time begins now: what is made after an approval, which may take days, is not over at once.
        """
        now = datetime.fromtimestamp(clock.now(), tz=UTC)
        return resource_tags(self.settings, slug=self.slug, started_at=now)


def whole_numbers(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return Params with 3.0 as 3: a JSON schema's integer may be either, and AWS wants the latter."""
    return {name: _whole(value) if name in INTEGERS else value for name, value in params.items()}


def _whole(value: Any) -> Any:
    """Return a whole number, or those of a list, as int; anything else as it is."""
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def current_run() -> Run:
    """Return the run of the task that is being executed; SettingsError where a MUSHER_* variable is wrong."""
    context = get_current_context()
    dag_run, settings = context["dag_run"], Settings.from_env()
    is_retraining = dag_run.dag_id == RETRAINING
    params = retraining_params(settings.retrain_conf) if is_retraining else context["params"]
    return Run(
        settings=settings,
        dag_id=dag_run.dag_id,
        run_id=dag_run.run_id,
        started_at=dag_run.start_date or dag_run.run_after,
        params=whole_numbers(params),
        is_test=dag_run.triggering_user_name == DAG_TEST,
        unknown_params=tuple(
            sorted(
                name
                for name in set(dag_run.conf or {}) - set(context["dag"].params)
                if not name.startswith(AIRFLOWS_OWN)
            )
        ),
    )
