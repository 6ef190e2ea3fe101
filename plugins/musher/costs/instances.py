"""Say when more instances pay, and when some of them would wait. docs/training.md has the figures."""

import math

WHOLE_BATCHES = frozenset({"small_cnn", "convnext_tiny", "vit_b_16"})
"""Architectures without batch normalisation, of whose batches each instance takes its share.
One that is missing here gets advice that it does not need."""


def advise_instances(*, instances: int, images: int) -> str | None:
    """Return a sentence about this number of training instances, or None where one instance trains."""
    if instances <= 1:
        return None
    return (
        f"instance_count is {instances}, for {images} training images: every instance starts, downloads and "
        "installs by itself, and all of that is billed. More than one pays where training takes much longer "
        "than that start; else choose 1"
    )


def advise_parts(*, architecture: str, instances: int, batch_size: int, micro_batch_size: int) -> str | None:
    """Return a sentence where a batch has no equal number of parts for each instance, else None."""
    parts = math.ceil(batch_size / micro_batch_size)
    if architecture in WHOLE_BATCHES or parts % instances == 0:
        return None
    share = parts / (instances * math.ceil(parts / instances))
    return (
        f"batch_size {batch_size} makes {parts} part(s) of at most {micro_batch_size} images "
        f"(micro_batch_size) for {instances} instances, which wait for each other in every step: at most "
        f"{share:.0%} of what is paid for works. Choose sizes that make a multiple of {instances} parts, or "
        "fewer instances"
    )
