"""Build the tags that every paid resource carries."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from musher.settings import Settings

PROJECT_TAG = "musher:project"
RUN_TAG = "musher:run"
EXPIRES_TAG = "musher:expires-at"
LIFETIME_TAG, LIVE, TRIAL = "musher:lifetime", "live", "trial"
"""What a run deploys stays in operation, or is removed at its end."""

PREVIOUS_TAG = "musher:previous"
"""On an endpoint configuration and a function: the configuration or version that served before."""

PACKAGE_TAG = "musher:package"
"""On an endpoint configuration: the ARN of the registry's version that it serves."""

SHADOW_TAG = "musher:shadow-of"
"""On an endpoint configuration: the release that it adds a shadow to. It is none itself."""

NEXT_TAG = "musher:next"
"""On a function: the version that came in its place."""

CONFIRMED_TAG = "musher:confirmed"
"""On an endpoint configuration, and on a function with the version: a whole run was good with it, or a person
has chosen it. What is confirmed serves until another run or a person changes that."""
STOPPED_TAG = "musher:stopped-by"
"""On a job, and on an instance that is one: a cancel has stopped it, not a person in AWS's console."""

RESERVED_TAG, PROVISIONED_TAG = "musher:previous-reserved", "musher:previous-provisioned"
"""On a function: the concurrency that it had before, where `none` is reserved or a number."""


def resource_tags(
    settings: Settings, *, slug: str, started_at: datetime, ttl_h: float | None = None
) -> dict[str, str]:
    """Return project, run and time of expiry (ISO 8601), `ttl_h` or else MUSHER_TTL_H after `started_at`."""
    expires_at = started_at + timedelta(hours=settings.ttl_h if ttl_h is None else ttl_h)
    return {
        PROJECT_TAG: settings.project,
        RUN_TAG: slug,
        EXPIRES_TAG: expires_at.isoformat(timespec="seconds"),
    }


def live_tags(settings: Settings, *, slug: str) -> dict[str, str]:
    """Return the tags of what a run leaves in operation: it does not expire."""
    return {PROJECT_TAG: settings.project, RUN_TAG: slug, LIFETIME_TAG: LIVE}


def as_list(tags: dict[str, str]) -> list[dict[str, str]]:
    """Return tags in the form that SageMaker and most other services take."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def as_mapping(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return tags in the form that Lambda and CloudWatch Logs take, from the other services' form."""
    return {tag["Key"]: tag["Value"] for tag in tags}
