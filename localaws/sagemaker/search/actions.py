"""Search in pages: moto answers everything at once, whatever MaxResults says.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Search.html
"""

import base64
import binascii
from typing import Any

from moto.core.responses import ActionResult
from moto.sagemaker.exceptions import AWSValidationException
from moto.sagemaker.responses import SageMakerResponse

PAGE = 100
"""Results of a page where the request names no number."""


class SearchActions(SageMakerResponse):
    """Added to moto's SageMakerResponse."""

    def search(self) -> ActionResult:
        """Serve Search."""
        size = self._get_param("MaxResults")
        found: dict[str, Any] = self.sagemaker_backend.search(
            resource=self._get_param("Resource"), search_expression=self._get_param("SearchExpression")
        )
        start = read_token(self._get_param("NextToken"))
        end = start + (size or PAGE)
        following = {"NextToken": write_token(end)} if end < len(found["Results"]) else {}
        return ActionResult({"Results": found["Results"][start:end], **following})


def write_token(position: int) -> str:
    """Return the token that a page begins at a position."""
    return base64.b64encode(str(position).encode()).decode()


def read_token(token: str | None) -> int:
    """Return the position that a token stands for."""
    if token is None:
        return 0
    try:
        return int(base64.b64decode(token, validate=True))
    except (binascii.Error, ValueError) as error:
        raise AWSValidationException("Invalid NextToken") from error
