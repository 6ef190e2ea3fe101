"""Read what a job left in its output.tar.gz."""

import json
from collections.abc import Sequence
from typing import Any

from musher.archives import read_member_from_tar_gz
from musher.errors import ArchiveError
from musher.hooks.connection import s3_hook
from musher.hooks.objects import download
from musher.settings import Settings

EVALUATION = "evaluation.json"
HISTORY = "history.json"
TRIALS = "trials.json"


def load_outputs(settings: Settings, *, output_uri: str, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return JSON files out of a job's output.tar.gz, which is downloaded once."""
    archive = download(s3_hook(settings), uri=output_uri)
    return [_load(archive, name=name, output_uri=output_uri) for name in names]


def _load(archive: bytes, *, name: str, output_uri: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(read_member_from_tar_gz(archive=archive, name=name))
    except ValueError as error:
        raise ArchiveError(f"{name} in {output_uri} is not JSON ({error}). Train again.") from error
    return found
