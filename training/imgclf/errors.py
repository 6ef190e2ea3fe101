"""The exceptions of the model image.

ImgclfError
|-- ConfigError            a hyper-parameter or environment value that cannot work
|-- DataError              a channel, manifest, shard or training image that cannot be used
|-- PeerError              another process of the same job ended or never came
|-- DivergedError          the loss is no longer a number
|-- CheckpointError        a checkpoint of another job, or one that cannot be read
|-- StoppedError           SIGTERM ended the training; its checkpoint is written
|-- ModelError             a model folder that cannot be loaded
`-- RequestError           a request that is refused; `status` is the HTTP status
    |-- ImageError             400  not an image, truncated, or too many pixels
    |-- AcceptError            406  an answer type that is not on offer
    |-- SlowBodyError          408  a body that did not arrive in time, or slower than all others
    |-- TooLargeError          413  body or download over its limit
    |-- ContentTypeError       415  body of a type that is not served
    |-- SourceError            424  the URL's host is forbidden, unreachable, slow or answers with an error
    |   `-- BusySourceError    429  the URL's host answers that it is busy, or fails, twice in a row
    |-- OverloadedError        503  too many requests at once
    `-- LateError              503  no answer within the time that a caller waits
"""

from __future__ import annotations


class ImgclfError(Exception):
    """Carry a message that says what, which value, and what to do."""


class ConfigError(ImgclfError):
    """Report a hyper-parameter or environment value that cannot work."""


class DataError(ImgclfError):
    """Report a channel, manifest, shard or image that cannot be trained on."""


class PeerError(ImgclfError):
    """Report that another process of this job ended or never came."""


class DivergedError(ImgclfError):
    """Report a loss that is NaN or infinite."""


class CheckpointError(ImgclfError):
    """Report a checkpoint that is damaged or belongs to another job; it is left as it is."""


class StoppedError(ImgclfError):
    """Report that the training ended because it was told to, by SIGTERM."""


class ModelError(ImgclfError):
    """Report a model folder that cannot be loaded."""


class RequestError(ImgclfError):
    """Refuse one request; the server lives on."""

    status = 400
    retry_after_s: int | None = None
    """After which the same request may succeed; None where it will not."""

    def forget_frames(self) -> None:
        """Drop the traceback, which nobody reads: its frames hold the request, perhaps 100 MB of pixels."""
        self.__traceback__ = self.__cause__ = self.__context__ = None


class ImageError(RequestError):
    """Refuse bytes that are not a whole, decodable image."""


class AcceptError(RequestError):
    """Refuse an Accept header that names no type on offer."""

    status = 406


class SlowBodyError(RequestError):
    """Refuse a body that is not there in time; the connection is closed."""

    status = 408


class TooLargeError(RequestError):
    """Refuse a body or download over its size limit."""

    status = 413


class ContentTypeError(RequestError):
    """Refuse a body of a type that is not served."""

    status = 415


class SourceError(RequestError):
    """Report a URL that may not or cannot be fetched."""

    status = 424


class BusySourceError(SourceError):
    """Report a URL whose host has no time, or fails, for now."""

    status = 429
    retry_after_s = 1


class OverloadedError(RequestError):
    """Refuse a request because too many are being answered."""

    status = 503
    retry_after_s = 1


class LateError(OverloadedError):
    """Refuse a request that was not answered in time."""

    retry_after_s = 5
