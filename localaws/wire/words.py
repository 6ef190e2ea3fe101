"""In which order AWS's sentences list the words of an enumeration: none that a model has.

Sentences that SageMaker, SSM, ECR, Logs, Service Catalog, Elasticsearch and others have answered list words
by the last five bits of Java's hash of each, of those at one place the model's latest first. Lambda's own
sentence about runtimes has the order of Java's HashSet.
https://docs.oracle.com/javase/8/docs/api/java/lang/String.html#hashCode--
https://docs.oracle.com/javase/8/docs/api/java/util/HashMap.html
"""

from collections.abc import Iterable, Sequence

PLACES = 32
BITS = 0xFFFFFFFF


def as_listed(words: Iterable[str]) -> Sequence[str]:
    """Return a model's words in the order in which AWS's checks of requests list them."""
    latest_first = list(words)[::-1]
    return sorted(latest_first, key=lambda word: java_hash(word) % PLACES)


def as_in_set(words: Iterable[str]) -> Sequence[str]:
    """Return words in the order of a HashSet: 16 places, doubled when three quarters are taken."""
    listed, places = list(words), 16
    while len(listed) > places * 3 // 4:
        places *= 2
    return sorted(listed, key=lambda word: (java_hash(word) ^ java_hash(word) >> 16) % places)


def java_hash(text: str) -> int:
    """Return Java's hash of a text, as a number without a sign."""
    found = 0
    for letter in text:
        found = (31 * found + ord(letter)) & BITS
    return found
