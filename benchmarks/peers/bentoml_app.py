"""BentoML: a worker for each core, the body as it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import bentoml
from bentoml.validators import ContentType

from benchmarks.peers.work import Work


@bentoml.service(workers=int(os.environ["PEER_WORKERS"]), traffic={"timeout": 120})
class Classifier:
    """Classify one image a request."""

    def __init__(self) -> None:
        """Load the model."""
        self.work = Work()

    @bentoml.api(route="/invocations")
    def invocations(self, image: Annotated[Path, ContentType("image/jpeg")], /) -> list[list[float]]:
        """Classify an image, which BentoML lays down as a file."""
        return self.work.classify(image.read_bytes())
