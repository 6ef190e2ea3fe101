"""Tell AWS's partition and domain from a region: aws-cn, aws-us-gov and their kin have ARNs of their own.

The table is botocore's, read when it is first asked for.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""

import functools
import re
from typing import Any

COMMERCIAL = "aws"


def partition_of(region: str) -> str:
    """Return what an ARN in this region starts with after `arn:`; aws for a region that nobody knows yet."""
    return str(_find(region)["id"])


def dns_suffix_of(region: str) -> str:
    """Return the domain that the region's services are in, such as amazonaws.com.cn."""
    return str(_find(region)["outputs"]["dnsSuffix"])


@functools.cache
def _find(region: str) -> dict[str, Any]:
    partitions = _read()
    for partition in partitions:
        if region in partition["regions"] or re.match(partition["regionRegex"], region):
            return partition
    return next(partition for partition in partitions if partition["id"] == COMMERCIAL)


@functools.cache
def _read() -> list[dict[str, Any]]:
    from botocore.loaders import Loader  # not at the DAG's parse

    partitions: list[dict[str, Any]] = Loader().load_data("partitions")["partitions"]
    return partitions
