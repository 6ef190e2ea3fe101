"""Sessions of one process share botocore's models, and nothing else."""

from pathlib import Path
from typing import Any

import pytest
from airflow.providers.amazon.aws.hooks import base_aws
from airflow.sdk import Connection
from botocore.loaders import JSONFileLoader

from musher.hooks.sessions import OneLoaderSessionFactory, loader_of


@pytest.fixture
def files_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of the model files that are read from now on."""
    read: list[str] = []
    real = JSONFileLoader.load_file

    def load_file(self: Any, file_path: str) -> Any:
        found = real(self, file_path)
        if found is not None:
            read.append(file_path)
        return found

    monkeypatch.setattr(JSONFileLoader, "load_file", load_file)
    return read


def make_session() -> Any:
    connection = Connection(conn_id="aws", conn_type="aws", login="mine", password="secret")
    return OneLoaderSessionFactory(conn=connection, region_name="eu-west-1").create_session()


def test_a_second_session_reads_no_file(files_read: list[str]) -> None:
    make_session().client("sagemaker")
    files_read.clear()
    make_session().client("sagemaker")
    assert files_read == []


def test_a_session_of_the_providers_reads_them_again(files_read: list[str]) -> None:
    """The day that this fails, this module can go."""
    for _ in range(2):
        files_read.clear()
        base_aws.BaseSessionFactory(conn=None, region_name="eu-west-1").basic_session.client("sagemaker")
    assert files_read


def test_region_and_keys_are_the_connections() -> None:
    session = make_session()
    assert session.client("s3").meta.region_name == "eu-west-1"
    assert session.get_credentials().access_key == "mine"


def test_boto3s_own_models_are_found_too_and_its_folder_stands_there_once() -> None:
    for _ in range(2):
        assert make_session().resource("s3").Bucket("photos").name == "photos"
    paths = loader_of(None).search_paths
    assert len(paths) == len(set(paths))


def test_models_of_the_user_s_own_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ours" / "2026-01-01").mkdir(parents=True)
    (tmp_path / "ours" / "2026-01-01" / "service-2.json").write_text("{}")
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    assert "ours" in make_session().get_available_services()
