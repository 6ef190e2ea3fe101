"""Read single files of the training folder, which requests are built from."""

from pathlib import Path

from musher.errors import PayloadError


def read_training_file(path: Path) -> str:
    """Return the text of a file of the training folder; PayloadError where it cannot be read."""
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise PayloadError(
            f"{path} cannot be read: {error}. Restore it, or point MUSHER_TRAINING_DIR at training/."
        ) from error
