"""LitServe: one API server for each core, and workers that take batches without waiting for them to fill."""

import os
from collections.abc import Sequence
from typing import Annotated, Any

import litserve
from fastapi import Body

from benchmarks.peers.work import Pixels, Work


class Classifier(litserve.LitAPI):
    """Decode and predict in a worker's process."""

    def setup(self, device: Any) -> None:
        """Load the model."""
        self.work = Work()

    def decode_request(self, request: Annotated[bytes, Body()]) -> Pixels:
        """Return an image's pixels."""
        return self.work.decode(request)

    def batch(self, inputs: Sequence[Pixels]) -> Sequence[Pixels]:
        """Leave the images to predict."""
        return inputs

    def predict(self, inputs: Sequence[Pixels]) -> list[list[float]]:
        """Return the logits of each image."""
        return self.work.predict(inputs)

    def unbatch(self, output: list[list[float]]) -> list[list[float]]:
        """Return one answer for each image."""
        return output

    def encode_response(self, output: list[float]) -> list[list[float]]:
        """Return what becomes JSON."""
        return [output]


if __name__ == "__main__":
    workers = int(os.environ["PEER_WORKERS"])
    server = litserve.LitServer(
        Classifier(max_batch_size=8, batch_timeout=0.002, api_path="/invocations"),
        accelerator="cpu",
        workers_per_device=workers,
        fast_queue=True,
    )
    server.run(
        host="127.0.0.1",
        port=int(os.environ["PEER_PORT"]),
        num_api_servers=workers,
        generate_client_file=False,
        log_level="error",
    )
