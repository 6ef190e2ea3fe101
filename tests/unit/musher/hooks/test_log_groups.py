"""A log group without an end: accepted where AWS refuses it for good, not where it is asked too often."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from airflow.providers.amazon.aws.hooks.logs import AwsLogsHook
from botocore.exceptions import ClientError

from musher.hooks.log_groups import limit_log_group


def limit(code: str) -> None:
    """Give a group an end, where AWS answers the second call so."""

    def answer(**members: Any) -> None:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "PutRetentionPolicy")

    conn = SimpleNamespace(create_log_group=lambda **members: None, put_retention_policy=answer)
    limit_log_group(cast(AwsLogsHook, SimpleNamespace(conn=conn)), group="g", days=7, tags={})


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalFailure", "ServiceUnavailableException"])
def test_an_error_that_may_pass_is_left_to_the_next_try_of_the_task(code: str) -> None:
    with pytest.raises(ClientError, match=code):
        limit(code)


@pytest.mark.parametrize("code", ["AccessDeniedException", "LimitExceededException"])
def test_a_refusal_is_told_and_ends_no_run(code: str, caplog: pytest.LogCaptureFixture) -> None:
    limit(code)
    assert "g: lines are kept for ever" in caplog.text
