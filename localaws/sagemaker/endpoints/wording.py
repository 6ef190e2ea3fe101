"""What AWS says, word for word, where it is known; localaws' own cause follows it."""

from collections.abc import Sequence

FAILURE_REASON_CHARACTERS = 1024
"""Maximum length of FailureReason in DescribeEndpoint."""
LOG_LINES = 12
"""Log lines quoted in a FailureReason."""


def log_group(endpoint_name: str) -> str:
    """Return the CloudWatch log group of an endpoint."""
    return f"/aws/sagemaker/Endpoints/{endpoint_name}"


def ping_failed(*, variant: str, cause: str, last_lines: Sequence[str], job: str = "") -> str:
    """Return the FailureReason of a container that never passed /ping, with the cause and its last words.

    `job` is the transform job that it belongs to; empty for one of an endpoint.
    """
    subject, log = (job, job) if job else (f"production variant {variant}", "this endpoint")
    reason = (
        f"The primary container for {subject} did not pass the ping health check. "
        f"Please check CloudWatch logs for {log}. Cause: {cause}"
    )
    lines = [line for line in last_lines if line.strip()][-LOG_LINES:]
    if not lines:
        return bounded(f"{reason}. It logged nothing.")
    head = f"{reason}. Last log lines:\n"
    room = max(FAILURE_REASON_CHARACTERS - len(head), 0)
    return bounded(head + "\n".join(lines)[-room:])


def download_failed(*, url: str, cause: str) -> str:
    """Return the FailureReason where the model data cannot be fetched."""
    return bounded(
        f'Failed to download model data for container "container_1" from URL: "{url}". Please ensure that '
        "there is an object located at the URL and that the role passed to CreateModel has permissions to "
        f"download the object. Cause: {cause}"
    )


def extract_failed(*, url: str, cause: str) -> str:
    """Return the FailureReason where model.tar.gz is corrupt or holds something that must not be unpacked."""
    return bounded(
        f'Failed to extract model data archive for container "container_1" from URL "{url}". Please ensure '
        f"that the object located at the URL is a valid tar.gz archive. Cause: {cause}"
    )


def bounded(text: str) -> str:
    """Cut `text` to the length AWS allows for a FailureReason."""
    return text[:FAILURE_REASON_CHARACTERS]


def console_url(*, endpoint_name: str, region: str) -> str:
    """Return the address at which AWS's console shows an endpoint's log group."""
    return (
        f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
        f"#logEventViewer:group={log_group(endpoint_name)}"
    )
