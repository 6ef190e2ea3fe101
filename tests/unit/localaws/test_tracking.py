"""moto's record of its objects holds those that there are, and none that has gone."""

import gc
import subprocess
import sys
from typing import Any

from moto.core.common_models import BaseModel
from moto.core.model_instances import reset_model_data

from localaws import tracking

LEFT = """
import gc
from moto.sqs.models import Message
for number in range(100):
    Message("id", "body")
gc.collect()
print(len(list(Message.instances_tracked)))
"""


def left(*, beginning: str = "") -> int:
    """Return how many of 100 objects moto still has when nobody else has them, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", beginning + LEFT], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_stock_moto_keeps_every_object() -> None:
    assert left() == 100


def test_what_has_gone_is_not_kept() -> None:
    assert left(beginning="from localaws import tracking; tracking.install()\n") == 0


def test_what_there_is_is_shown_in_its_order_and_forgotten_at_a_reset() -> None:
    class Thing(BaseModel):
        __hash__ = None  # type: ignore[assignment]  # as a class has that compares its objects

        def __init__(self, number: int) -> None:
            self.number = number

        def __eq__(self, other: object) -> bool:
            return True

    things: list[Any] = []
    for number in range(3):
        thing = tracking.create(Thing, number)
        thing.__init__(number)
        things.append(thing)
    record: Any = Thing.instances_tracked  # type: ignore[attr-defined]
    assert [thing.number for thing in record] == [0, 1, 2]
    del things[1], thing
    gc.collect()
    assert [thing.number for thing in record] == [0, 2]
    reset_model_data()
    assert tracking.create(Thing, 3) is not None
