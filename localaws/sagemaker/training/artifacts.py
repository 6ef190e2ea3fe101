"""Upload what a job leaves: two archives, or with CompressionType NONE the files themselves.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html
https://docs.aws.amazon.com/sagemaker/latest/dg/model-train-storage-uncompressed.html
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from localaws.errors import JobError, StorageError
from localaws.sagemaker.failures import client_error
from localaws.sagemaker.training.container import Folders
from localaws.sagemaker.training.spec import TrainingSpec
from localaws.storage import S3Uri, merge_files, pack_tar_gz, upload_all, upload_file


def upload_artifacts(
    client: Any, spec: TrainingSpec, *, hosts: Sequence[Folders], scratch: Path, with_model: bool
) -> str | None:
    """Upload the hosts' output data, and their model where wanted; return S3ModelArtifacts or None.

    What all hosts have written becomes one artifact; without a file there is none. Archives are made in
    `scratch`. Raises JobError.
    """
    folder = S3Uri.parse(spec.output_path).join(spec.name, "output")
    upload = _upload_archive if spec.output_compression == "GZIP" else _upload_files
    try:
        model = None
        if with_model:
            model = upload(client, "model", [host.model for host in hosts], folder=folder, scratch=scratch)
        upload(client, _data_name(spec), [host.output_data for host in hosts], folder=folder, scratch=scratch)
    except (StorageError, OSError) as error:
        raise JobError(client_error(f"Artifact upload failed:{error}")) from error
    return model


def _data_name(spec: TrainingSpec) -> str:
    return "output" if spec.output_compression == "GZIP" else "data"


def _upload_archive(
    client: Any, name: str, folders: Sequence[Path], *, folder: S3Uri, scratch: Path
) -> str | None:
    """Upload one archive; return its URI, or None where there is nothing in it."""
    archive = scratch / f"{name}.tar.gz"
    if pack_tar_gz(archive, folders) == 0:
        return None
    uri = folder.join(archive.name)
    upload_file(client, archive, uri)
    return str(uri)


def _upload_files(
    client: Any, name: str, folders: Sequence[Path], *, folder: S3Uri, scratch: Path
) -> str | None:
    """Upload files below `<name>/`; return that prefix, or None where there are none."""
    files = merge_files(folders)
    prefix = folder.join(name)
    upload_all(client, files, prefix)
    return f"{prefix}/" if files else None
