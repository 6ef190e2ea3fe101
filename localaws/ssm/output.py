"""What a command has written: what API calls show of it, and where else it goes."""

import logging
from typing import Any

from localaws.context import Context
from localaws.ec2.agent import Ran
from localaws.iam.identity import Credentials
from localaws.ssm.spec import Bucket, Order

logger = logging.getLogger(__name__)

MAX_STDOUT, MAX_STDERR, MAX_LISTED = 24_000, 8_000, 2_500
"""Characters that GetCommandInvocation shows of each output, and ListCommandInvocations of both."""
CUT_STDOUT, CUT_STDERR = "\n---Output truncated---", "\n---Error truncated----"
PLUGIN = "aws:runShellScript"
FOLDER = "awsrunShellScript/0.awsrunShellScript"
"""Of outputs, in an instance and in S3."""
STREAM = "{command}/{instance}/aws-runShellScript/{output}"


def cut(text: str, *, most: int, mark: str) -> str:
    """Return at most so many characters, the last of which say that there were more."""
    return text if len(text) <= most else text[: most - len(mark)] + mark


def read_stderr(ran: Ran) -> str:
    """Return the errors, and what the agent adds where a command failed."""
    text = ran.stderr.decode(errors="replace")
    return text if ran.code == 0 else f"{text}failed to run commands: exit status {ran.code}"


def make_key(bucket: Bucket, *, command_id: str, instance_id: str, output: str) -> str:
    """Return where in a bucket an output lies."""
    prefix = bucket.prefix.strip("/")
    return "/".join(part for part in (prefix, command_id, instance_id, FOLDER, output) if part)


def make_url(bucket: Bucket, *, region: str, key: str) -> str:
    """Return the address of an output in S3."""
    return f"https://s3.{bucket.region or region}.amazonaws.com/{bucket.name}/{key}"


class Outlet:
    """Where the outputs of one invocation go beside the API."""

    def __init__(self, context: Context, *, order: Order, command_id: str, instance: Any) -> None:
        self._context = context
        self._order = order
        self._command_id = command_id
        self._instance = instance

    def find_urls(self) -> tuple[str, str]:
        """Return the addresses of both outputs, empty where nothing goes to S3."""
        bucket = self._order.bucket
        if bucket is None:
            return "", ""
        region = self._instance.region_name
        stdout, stderr = (
            make_url(bucket, region=region, key=self._key(bucket, name)) for name in ("stdout", "stderr")
        )
        return stdout, stderr

    def _key(self, bucket: Bucket, output: str) -> str:
        return make_key(bucket, command_id=self._command_id, instance_id=self._instance.id, output=output)

    def put(self, ran: Ran) -> None:
        """Write both outputs, but none that is empty; what fails is logged, as by the agent."""
        for output, text in (("stdout", ran.stdout.decode(errors="replace")), ("stderr", read_stderr(ran))):
            if not text:
                continue
            if self._order.log_group:
                self._log(output, text)
            if self._order.bucket is not None:
                self._upload(self._order.bucket, output, text)

    def _log(self, output: str, text: str) -> None:
        name = STREAM.format(command=self._command_id, instance=self._instance.id, output=output)
        stream = self._context.log_stream(
            account_id=self._instance.owner_id,
            region=self._instance.region_name,
            group=self._order.log_group,
            stream=name,
        )
        for line in text.splitlines():
            stream.write(line)

    def _upload(self, bucket: Bucket, output: str, text: str) -> None:
        """Put an object as the role of the instance, which its agent does."""
        try:
            client = self._context.client(
                "s3", credentials=self._find_credentials(), region=bucket.region or self._instance.region_name
            )
            client.put_object(Bucket=bucket.name, Key=self._key(bucket, output), Body=text.encode())
        except Exception as error:  # noqa: BLE001 - a thread's work: the command has run all the same
            logger.warning("%s of command %s is not in S3: %s", output, self._command_id, error)

    def _find_credentials(self) -> Credentials:
        profile = self._instance.describe().profile
        if profile is None:
            raise LookupError(f"{self._instance.id} has no instance profile any more")
        return self._context.identity.assume(role_arn=profile.role_arn, session_name=self._instance.id)
