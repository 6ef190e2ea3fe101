"""Fetch a model from S3 under the model's role, and lay it out as /opt/ml/model."""

import logging
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from localaws.context import Context
from localaws.errors import ArchiveError, ModelDeployError
from localaws.processes import PROGRAMS
from localaws.sagemaker.endpoints.plan import VariantPlan
from localaws.sagemaker.endpoints.wording import bounded, download_failed, extract_failed
from localaws.storage import unpack_tar_gz

logger = logging.getLogger(__name__)

MAX_MODEL_BYTES = 30 << 30
"""Bytes a model may have unpacked; the free space of the disk is a further limit."""
FRAMEWORKS = {"pytorch": "pytorch-inference|pytorch-serving", "sklearn": "scikit-learn|sklearn"}
"""What the names of AWS's own inference images hold."""
MODEL, CODE = "model", "code"
"""Folders below /opt/ml."""
SERVE_PROGRAM = "serve.py"
OWN_SERVER = f"{MODEL}/{CODE}/{SERVE_PROGRAM}"
INFERENCE_PROGRAM = "inference.py"


def fetch_model(plan: VariantPlan, *, context: Context, region: str, base: Path) -> None:
    """Put the model of `plan` into `base`/model, and code that lies apart from it into `base`/code.

    Raises ModelDeployError worded as AWS words it.
    """
    uri, is_archive = plan.model_data
    if not plan.container:
        raise ModelDeployError(
            f"localaws serves models with one container; the model of variant {plan.name} has several or none"
        )
    if not uri:
        raise ModelDeployError(
            f"The model of variant {plan.name} has no ModelDataUrl: localaws cannot run the image "
            f"{plan.image!r}, it runs the code inside model.tar.gz"
        )
    client = _client(plan, context=context, region=region)
    folder = base / MODEL
    folder.mkdir(parents=True)
    if is_archive:
        _fetch_archive(client, uri, folder=folder)
    else:
        _fetch_prefix(client, uri, folder=folder)
    if _has_code_apart(plan):
        (base / CODE).mkdir()
        _fetch_archive(client, plan.submit_directory, folder=base / CODE)


def _client(plan: VariantPlan, *, context: Context, region: str) -> Any:
    try:
        credentials = context.identity.assume(role_arn=plan.role_arn, session_name="SageMaker")
    except IndexError as error:
        raise ModelDeployError(
            f"Could not assume role {plan.role_arn!r} of variant {plan.name}: it is not a role ARN"
        ) from error
    return context.client("s3", credentials=credentials, region=region)


def split_uri(uri: str) -> tuple[str, str]:
    """Return the bucket and key of an s3:// URI; raises ModelDeployError where it is none."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket or not key:
        raise ModelDeployError(bounded(f"{uri!r} is not of the form s3://bucket/key"))
    return bucket, key


def _fetch_archive(client: Any, uri: str, *, folder: Path) -> None:
    bucket, key = split_uri(uri)
    archive = folder.with_name(f"{folder.name}.tar.gz")
    _download(client, uri, bucket=bucket, key=key, path=archive)
    room = min(MAX_MODEL_BYTES, shutil.disk_usage(folder).free // 2)
    try:
        size = unpack_tar_gz(archive, folder, max_bytes=room)
    except ArchiveError as error:
        raise ModelDeployError(extract_failed(url=uri, cause=str(error))) from error
    finally:
        archive.unlink(missing_ok=True)
    logger.info("unpacked %s: %s bytes", uri, size)


def _fetch_prefix(client: Any, uri: str, *, folder: Path) -> None:
    bucket, prefix = split_uri(uri)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    if not keys:
        raise ModelDeployError(download_failed(url=uri, cause="no object has this prefix"))
    for key in keys:
        path = folder / key.removeprefix(prefix)
        if key.endswith("/"):
            continue
        if ".." in path.parts or not path.is_relative_to(folder):
            raise ModelDeployError(
                download_failed(url=uri, cause=f"the key {key!r} points outside the model")
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        _download(client, uri, bucket=bucket, key=key, path=path)


def _download(client: Any, uri: str, *, bucket: str, key: str, path: Path) -> None:
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client.download_file(bucket, key, str(path))
    except (BotoCoreError, ClientError, Boto3Error) as error:
        raise ModelDeployError(download_failed(url=uri, cause=str(error))) from error


def _has_code_apart(plan: VariantPlan) -> bool:
    return plan.submit_directory.startswith("s3://")


def find_program(plan: VariantPlan, *, base: Path) -> list[str]:
    """Return the arguments that make Python serve the model, relative to the container's /opt/ml.

    `model/code/serve.py` is a server of its own. `inference.py` (or the file that SAGEMAKER_PROGRAM names)
    holds model_fn and its kin, as AWS's framework containers take it, and is served by ours. It lies in
    `model/code`, or in `code` where SAGEMAKER_SUBMIT_DIRECTORY names an archive in S3.
    """
    if (base / OWN_SERVER).is_file():
        return [OWN_SERVER]
    program = plan.environment.get("SAGEMAKER_PROGRAM", INFERENCE_PROGRAM)
    folder = CODE if _has_code_apart(plan) else f"{MODEL}/{CODE}"
    if Path(program).name == program and (base / folder / program).is_file():
        # -P: our server's own folder must not shadow the model's imports
        return ["-P", str(PROGRAMS / "inference_server.py"), f"{folder}/{program}", framework(plan.image)]
    place = plan.submit_directory if _has_code_apart(plan) else "model.tar.gz"
    raise ModelDeployError(
        bounded(
            f"The model of variant {plan.name} cannot be served: {place} holds neither "
            f"code/{SERVE_PROGRAM} nor code/{program}. localaws runs the model's own code, not the "
            f"image {plan.image!r}"
        )
    )


def framework(image: str) -> str:
    """Return whose default functions are served: those of the image's framework, if it is known."""
    for name, pattern in FRAMEWORKS.items():
        if re.search(pattern, image):
            return name
    return "plain"


def is_own_server(program: Sequence[str]) -> bool:
    """Tell whether find_program has found a server that the model brings, as an image of one's own would."""
    return list(program) == [OWN_SERVER]
