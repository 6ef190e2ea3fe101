"""Print an address that opens a notebook instance: `make notebook-url NAME=musher-notebook`.

It is made with the caller's own AWS credentials (boto3's), who needs
sagemaker:CreatePresignedNotebookInstanceUrl. Whoever has the address within five minutes is in.
"""

import argparse
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from musher.payloads.notebooks import SESSION_S, VALID_S


def make_url(name: str) -> str:
    """Return the address; raises botocore's error where AWS refuses."""
    answer = boto3.client("sagemaker").create_presigned_notebook_instance_url(
        NotebookInstanceName=name, SessionExpirationDurationInSeconds=SESSION_S
    )
    return str(answer["AuthorizedUrl"])


def main(arguments: list[str] | None = None) -> int:
    """Parse, ask, print; return the exit code."""
    parser = argparse.ArgumentParser(prog="notebook-url", description=__doc__.partition("\n")[0])
    parser.add_argument("name", nargs="?", default="musher-notebook", help="The instance's whole name.")
    name = parser.parse_args(arguments).name
    try:
        url = make_url(name)
    except (BotoCoreError, ClientError) as error:
        print(
            f"notebook-url: {name} cannot be opened: {error}. Is it in service? The DAG notebook_instance "
            "starts it.",
            file=sys.stderr,
        )
        return 1
    print(url)
    print(f"Open it within {VALID_S} s; the session lasts {SESSION_S // 3600} h.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
