"""Bound XML documents before moto reads them: how deep, how many elements, and no declarations of entities.

moto keeps the path of each element, so that its time grows by the square of the depth.
"""

from typing import Any
from xml.parsers import expat

from localaws.wire.readers import UnreadableError

MAX_DEPTH = 100
MAX_ELEMENTS = 100_000
"""Above what S3 takes in one document: a thousand rules or keys."""
MALFORMED = "The XML you provided was not well-formed or did not validate against our published schema"
XML_SERVICES = ("s3", "s3express", "route53", "cloudfront", "")
"""Services that take documents; nobody signs for one in a presigned request, which is S3's."""


def is_document(body: bytes, *, service: str) -> bool:
    """Tell whether a body is to be read as XML."""
    return service in XML_SERVICES and body[:64].lstrip().startswith((b"<", b"\xef\xbb\xbf<"))


def check_document(body: bytes) -> None:
    """Raise UnreadableError where a body is no XML, or more of it than any action takes."""
    depth = elements = 0

    def begin(name: str, attributes: Any) -> None:
        nonlocal depth, elements
        depth, elements = depth + 1, elements + 1
        if depth > MAX_DEPTH or elements > MAX_ELEMENTS:
            raise UnreadableError(MALFORMED)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1

    def refuse(*declaration: Any) -> None:
        raise UnreadableError(MALFORMED)

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, LookupError, ValueError) as error:  # the two others: an encoding that is none
        raise UnreadableError(MALFORMED) from error
