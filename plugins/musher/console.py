"""Addresses in the AWS console: pure functions of region and name.

The console's own pages are no documented API; these forms are those that its address bar shows, and that the
Amazon provider of Airflow builds too.
"""

from urllib.parse import quote, urlsplit

DOMAINS = {"cn-": "console.amazonaws.cn", "us-gov-": "console.amazonaws-us-gov.com"}
"""By the beginning of a region's name; all other public regions are in AWS's commercial partition."""

COMMERCIAL = "console.aws.amazon.com"
SECLUDED = ("us-iso", "eu-isoe-", "eusc-")
"""Regions whose consoles have addresses of their own, which we do not know."""

API_SUFFIXES = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


def is_aws(endpoint_url: str) -> bool:
    """Return whether an API address is AWS's, so that its console shows what was made there."""
    host = urlsplit(endpoint_url).hostname or ""
    return host.endswith(API_SUFFIXES)


def training_job(*, region: str, name: str) -> str:
    """Return the page of a training job."""
    return _page(region, "sagemaker", f"/jobs/{_part(name)}")


def tuning_job(*, region: str, name: str) -> str:
    """Return the page of a tuning job."""
    return _page(region, "sagemaker", f"/hyper-tuning-jobs/{_part(name)}")


def endpoint(*, region: str, name: str) -> str:
    """Return the page of an endpoint."""
    return _page(region, "sagemaker", f"/endpoints/{_part(name)}")


def function(*, region: str, name: str) -> str:
    """Return the page of a Lambda function."""
    return _page(region, "lambda", f"/functions/{_part(name)}")


def build(*, region: str, name: str) -> str:
    """Return the page of a build, by its id `<project>:<uuid>`."""
    project = name.partition(":")[0]
    return _page(region, "codesuite/codebuild/projects", f"/{_part(project)}/build/{_part(name)}")


def log(*, region: str, group: str, prefix: str = "") -> str:
    """Return the page of a log group, or of its streams that begin with `prefix`."""
    streams = f"$3FlogStreamNameFilter$3D{_log_part(prefix)}" if prefix else ""
    return _page(region, "cloudwatch", f"logsV2:log-groups/log-group/{_log_part(group)}{streams}")


def _page(region: str, service: str, fragment: str) -> str:
    """Return an address, or the empty text where the region's console is not known."""
    if region.startswith(SECLUDED):
        return ""
    domain = next((found for start, found in DOMAINS.items() if region.startswith(start)), COMMERCIAL)
    return f"https://{region}.{domain}/{service}/home?region={quote(region)}#{fragment}"


def _part(text: str) -> str:
    return quote(text, safe="")


def _log_part(text: str) -> str:
    """Return a text as CloudWatch's pages take it in their fragment: quoted twice, with $ for %."""
    return _part(_part(text)).replace("%", "$")
