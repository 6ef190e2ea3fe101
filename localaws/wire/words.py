"""In which order AWS's sentences list the words of an enumeration: services differ, and no model says it."""

from collections.abc import Callable, Iterable, Mapping, Sequence

Order = Callable[[Iterable[str]], Sequence[str]]
BITS = 0xFFFFFFFF


def as_in_model(words: Iterable[str]) -> Sequence[str]:
    """Return the words as the model has them."""
    return list(words)


def as_in_java(words: Iterable[str]) -> Sequence[str]:
    """Return the words in the order of Java's HashSet, which a service shows that keeps them in one.

    https://docs.oracle.com/javase/8/docs/api/java/util/HashMap.html (16 places, doubled when three quarters
    are taken); https://docs.oracle.com/javase/8/docs/api/java/lang/String.html#hashCode--
    """
    listed = list(words)
    places = 16
    while len(listed) > places * 3 // 4:
        places *= 2
    return sorted(listed, key=lambda word: spread(word) % places)


def spread(word: str) -> int:
    """Return the number by which a HashSet places a text."""
    found = 0
    for letter in word:
        found = (31 * found + ord(letter)) & BITS
    return found ^ (found >> 16)


ORDERS: Mapping[str, Order] = {"application-autoscaling": sorted, "ecr": as_in_java, "lambda": as_in_java}
"""botocore's name of a service -> its order, where that is known: the others' words stand as in the model.

Java's is that of Lambda's runtimes, as AWS listed them in 2021 and in 2023, and of ECR's tag mutability.
"""
