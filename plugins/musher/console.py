"""Addresses of what a run makes in a console: AWS's own, or the one that MUSHER_CONSOLE_URL names.

AWS's pages are no documented API; these forms are those that its address bar shows, and that the Amazon
provider of Airflow builds too. Any other console is one page, which takes what to show as its fragment:

    <url>#job/<name>            a training, tuning, transform or processing job
    <url>#endpoint/<name>
    <url>#function/<name>
    <url>#notebook/<name>
    <url>#build/<id>
    <url>#log/<group>           a log group, or
    <url>#log/<group>/<prefix>  its streams that begin with the prefix

Each part is percent-encoded, its slashes too.
"""

from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from musher.console_kinds import (
    BUILD,
    ENDPOINT,
    FUNCTION,
    INSTANCE,
    NOTEBOOK,
    PROCESSING_JOB,
    TRAINING_JOB,
    TRANSFORM_JOB,
    TUNING_JOB,
)
from musher.settings import Settings

DOMAINS = {"cn-": "console.amazonaws.cn", "us-gov-": "console.amazonaws-us-gov.com"}
"""By the beginning of a region's name; all other public regions are in AWS's commercial partition."""

COMMERCIAL = "console.aws.amazon.com"
SECLUDED = ("us-iso", "eu-isoe-", "eusc-")
"""Regions whose consoles have addresses of their own, which we do not know."""

API_SUFFIXES = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


@dataclass(frozen=True, kw_only=True)
class Page:
    """Where the page of a kind of resource is."""

    word: str
    """Its name in a fragment of a console that is not AWS's."""
    service: str
    """The part of AWS's console."""
    place: str
    """Its fragment there; {name}, and {project} for what stands before the name's colon."""


PAGES = {
    TRAINING_JOB: Page(word="job", service="sagemaker", place="/jobs/{name}"),
    TUNING_JOB: Page(word="job", service="sagemaker", place="/hyper-tuning-jobs/{name}"),
    TRANSFORM_JOB: Page(word="job", service="sagemaker", place="/transform-jobs/{name}"),
    PROCESSING_JOB: Page(word="job", service="sagemaker", place="/processing-jobs/{name}"),
    ENDPOINT: Page(word="endpoint", service="sagemaker", place="/endpoints/{name}"),
    FUNCTION: Page(word="function", service="lambda", place="/functions/{name}"),
    NOTEBOOK: Page(word="notebook", service="sagemaker", place="/notebook-instances/{name}"),
    INSTANCE: Page(word="instance", service="ec2", place="Instances:tag:Name={name}"),
    BUILD: Page(word="build", service="codesuite/codebuild/projects", place="/{project}/build/{name}"),
}


class Console(Protocol):
    """Where a browser shows what was made."""

    def page(self, kind: str, *, name: str) -> str:
        """Return the page of a resource; the empty text where it is not known."""
        ...

    def log(self, *, group: str, prefix: str = "") -> str:
        """Return the page of a log group, or of its streams that begin with `prefix`."""
        ...


@dataclass(frozen=True, kw_only=True)
class AwsConsole:
    """AWS's console of a region."""

    region: str

    def page(self, kind: str, *, name: str) -> str:
        """Return the page of a resource; the empty text where the region's console is not known."""
        project, page = name.partition(":")[0], PAGES[kind]
        return self._page(page.service, page.place.format(name=_part(name), project=_part(project)))

    def log(self, *, group: str, prefix: str = "") -> str:
        """Return CloudWatch's page of a log group, or of its streams that begin with `prefix`."""
        streams = f"$3FlogStreamNameFilter$3D{_log_part(prefix)}" if prefix else ""
        return self._page("cloudwatch", f"logsV2:log-groups/log-group/{_log_part(group)}{streams}")

    def _page(self, service: str, fragment: str) -> str:
        if self.region.startswith(SECLUDED):
            return ""
        known = (domain for start, domain in DOMAINS.items() if self.region.startswith(start))
        host = f"{self.region}.{next(known, COMMERCIAL)}"
        return f"https://{host}/{service}/home?region={quote(self.region)}#{fragment}"


@dataclass(frozen=True, kw_only=True)
class OtherConsole:
    """A console that is not AWS's, at an address of its own."""

    url: str

    def page(self, kind: str, *, name: str) -> str:
        """Return the page of a resource."""
        return f"{self.url}#{PAGES[kind].word}/{_part(name)}"

    def log(self, *, group: str, prefix: str = "") -> str:
        """Return the page of a log group, or of its streams that begin with `prefix`."""
        return "/".join([f"{self.url}#log", *(_part(part) for part in (group, prefix) if part)])


def find_console(settings: Settings, *, client: Any) -> Console | None:
    """Return the console that shows what was made through a boto3 client; None where there is none.

    The installation's own (MUSHER_CONSOLE_URL) comes first.
    """
    if settings.console_url:
        return OtherConsole(url=settings.console_url)
    if is_aws(client.meta.endpoint_url):
        return AwsConsole(region=client.meta.region_name)
    return None


def is_aws(endpoint_url: str) -> bool:
    """Return whether an API address is AWS's, so that its console shows what was made there."""
    host = urlsplit(endpoint_url).hostname or ""
    return host.endswith(API_SUFFIXES)


def _part(text: str) -> str:
    return quote(text, safe="")


def _log_part(text: str) -> str:
    """Return a text as CloudWatch's pages take it in their fragment: quoted twice, with $ for %."""
    return _part(_part(text)).replace("%", "$")
