"""`make notebook-url` prints an address, or says why there is none."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from scripts import notebook_url


class FakeSageMaker:
    """SageMaker with one instance in service."""

    def create_presigned_notebook_instance_url(self, **request: Any) -> dict[str, str]:
        assert 1800 <= request["SessionExpirationDurationInSeconds"] <= 43_200
        if request["NotebookInstanceName"] != "musher-notebook":
            raise ClientError(
                {"Error": {"Code": "ValidationException", "Message": "RecordNotFound"}}, "Create"
            )
        return {"AuthorizedUrl": "https://musher-notebook.notebook.us-east-1.sagemaker.aws?authToken=t"}


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have boto3 make it."""
    monkeypatch.setattr(boto3, "client", lambda service: FakeSageMaker())


def test_the_address_alone_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert notebook_url.main([]) == 0
    out, err = capsys.readouterr()
    assert out == "https://musher-notebook.notebook.us-east-1.sagemaker.aws?authToken=t\n"
    assert "within 300 s; the session lasts 8 h" in err


def test_an_instance_that_is_not_there_is_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    assert notebook_url.main(["musher-other"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "musher-other cannot be opened" in err
    assert "notebook_instance starts it" in err
