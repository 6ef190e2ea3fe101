"""Set up what benchmarks.serving compares, and let all contestants take turns."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import io
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import benchmarks.source_paths  # noqa: F401 - makes imgclf importable
from benchmarks.contestants import (
    Contestant,
    Turn,
    WebServer,
    free_ports,
    send_signal,
    start_in_process,
    start_server,
    stop,
    take_turn,
    write_requests,
)
from benchmarks.peers.environment import install_peer, make_environment
from benchmarks.peers.programs import PEERS, ROOT, Start, environ_of
from benchmarks.served_models import write_model

CONNECTIONS = 8
SIZE = (500, 375)
"""Pixels of a photo: wide, high."""
QUALITY = 85
NOISE = 3.5
"""Which makes a JPEG of about 30 kB of a smooth picture."""
WARM_UP = 3
"""Lengths of a turn before those that count: the Java servers compile what they run often."""
INT8_MODULE, INT8_FILE = "imgclf.int8", "model.int8.onnx"

Open = Callable[[], Contestant]


@dataclass(kw_only=True)
class Bench:
    """What all contestants share."""

    folder: Path
    rounds: int
    seconds: float
    photos: list[bytes] = field(default_factory=list)
    programs: Path = Path()
    obstacles: dict[str, str] = field(default_factory=dict)
    """Why something is not in the tables, by name."""

    @property
    def model(self) -> Path:
        """Return the folder of the model in floats."""
        return self.folder / "model"

    def prepare(self, *, has_model: bool) -> None:
        """Write the photos, and the model where something is computed."""
        if has_model:
            write_model(self.model, "resnet18")
        self.photos = make_photos(CONNECTIONS)
        (self.folder / "photos").mkdir()
        for number, photo in enumerate(self.photos):
            (self.folder / "photos" / f"{number}.jpg").write_bytes(photo)

    def install(self, names: Sequence[str]) -> list[str]:
        """Install peers; return those that could be."""
        self.programs = make_environment(self.folder / "peers")
        for name in names:
            reason = install_peer(self.programs, name)
            if reason is not None:
                self.obstacles[name] = f"not installed: {reason}"
        return [name for name in names if name not in self.obstacles]

    def compare(self, opened: dict[str, Open]) -> dict[str, list[Turn]]:
        """Start all, let them take turns, end all; what does not work is among the obstacles."""
        running: dict[str, Contestant] = {}
        found: dict[str, list[Turn]] = {}
        try:
            for name, start in opened.items():
                with self._noting(name):
                    running[name] = start()
            for name, contestant in running.items():
                with self._noting(name):
                    contestant.wait()
                send_signal(contestant, signal.SIGSTOP)
            for place in range(self.rounds + 1):
                for name in [name for name in running if name not in self.obstacles]:
                    with self._noting(name):
                        turn = take_turn(running[name], self.seconds * (1 if place else WARM_UP))
                        found.setdefault(name, []).extend([turn] if place else [])
        finally:
            for contestant in running.values():
                stop(contestant)
        return {name: turns for name, turns in found.items() if name not in self.obstacles}

    @contextmanager
    def _noting(self, name: str) -> Generator[None]:
        """Note a failure of one contestant as the reason why it takes no part."""
        try:
            yield
        except (RuntimeError, OSError) as error:
            self.obstacles[name] = str(error)[:200]

    def peer(self, name: str, work: str) -> Open:
        """Return what starts a peer that does one kind of work."""

        def open_peer() -> WebServer:
            start = Start(
                programs=self.programs,
                folder=self._room(f"{name}-{work}"),
                port=free_ports(),
                workers=len(os.sched_getaffinity(0)),
            )
            return start_server(
                title(name, work),
                PEERS[name].command(start),
                environ=environ_of(start, work=work, model=self.model),
                folder=start.folder,
                port=start.port,
                requests=write_requests(self.photos, PEERS[name].path),
            )

        return open_peer

    def ours(self, name: str, command: Sequence[str], **variables: str) -> Open:
        """Return what starts our own server."""

        def open_ours() -> WebServer:
            port = free_ports()
            environ = {
                **os.environ,
                "PYTHONPATH": f"{ROOT}:{ROOT / 'training'}",
                "SAGEMAKER_BIND_TO_PORT": str(port),
            }
            return start_server(
                name,
                [sys.executable, "-u", *command],
                environ={**environ, **variables},
                folder=self._room(name.replace(", ", "-")),
                port=port,
                requests=write_requests(self.photos, "/invocations"),
            )

        return open_ours

    def served(self, name: str, model: Path, **variables: str) -> Open:
        """Return what starts serve.py of a model folder."""
        return self.ours(name, [str(model / "code" / "serve.py")], SM_MODEL_DIR=str(model), **variables)

    def in_process(self) -> Open:
        """Return what starts the one without a server."""
        return lambda: start_in_process(self.model, self.folder / "photos")

    def quantise(self) -> Path | None:
        """Return a copy of the model with an int8 graph in its card; None where this tree makes none."""
        if importlib.util.find_spec(INT8_MODULE) is None:
            return None
        from imgclf.model_card import CARD_FILE, ONNX_FILE, read_model_folder

        copy = Path(shutil.copytree(self.model, self.folder / "int8"))
        preset = read_model_folder(copy).preset
        pixels = [preset.to_pixels(photo)[np.newaxis] for photo in self.photos]
        graph = importlib.import_module(INT8_MODULE).quantise(copy / ONNX_FILE, iter(pixels))
        (copy / INT8_FILE).write_bytes(graph)
        card = json.loads((copy / CARD_FILE).read_text())
        card["int8"] = {"file": INT8_FILE, "sha256": hashlib.sha256(graph).hexdigest()}
        (copy / CARD_FILE).write_text(json.dumps(card))
        return copy

    def _room(self, name: str) -> Path:
        """Make a folder for one server."""
        room = self.folder / "servers" / name
        room.mkdir(parents=True)
        return room


def title(name: str, work: str) -> str:
    """Return how the tables call a peer that does one kind of work."""
    return name if work == "noop" else f"{name}, {work}"


def make_photos(count: int) -> list[bytes]:
    """Return JPEGs of about 30 kB, all different: smooth colours with a camera's noise."""
    from PIL import Image

    photos = []
    for number in range(count):
        generator = np.random.default_rng(number)
        coarse = generator.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        smooth = np.asarray(Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC), np.float32)
        grey = generator.normal(0, NOISE, (SIZE[1], SIZE[0], 1))
        buffer = io.BytesIO()
        Image.fromarray((smooth + grey).clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=QUALITY)
        photos.append(buffer.getvalue())
    return photos
