"""What becomes of an event that is not answered with logits.

PredictionError
    BadEventError           400: the caller's event or image is at fault
    NotAllowedError         405: a proxy's request of another method than POST
    TooLargeError           413: the image is larger than the endpoint takes
    BusyError               429: throttled or not ready; the same event may succeed later
    ModelFailedError        502: the endpoint cannot be reached, or answers nonsense
    ModelTimeoutError       504: no answer within this function's time
"""


class PredictionError(Exception):
    """Base of the tree."""

    status = 502
    code = "ModelError"


class BadEventError(PredictionError):
    """The caller's event or image is at fault."""

    status = 400
    code = "BadRequest"


class NotAllowedError(PredictionError):
    """A proxy passed on a request of another method than POST."""

    status = 405
    code = "MethodNotAllowed"


class TooLargeError(PredictionError):
    """The image is larger than the endpoint takes."""

    status = 413
    code = "TooLarge"


class BusyError(PredictionError):
    """The endpoint is throttled or not ready; the same event may succeed later."""

    status = 429
    code = "Throttled"


class ModelFailedError(PredictionError):
    """The endpoint cannot be reached or answers nonsense."""


class ModelTimeoutError(PredictionError):
    """The endpoint did not answer within this function's time."""

    status = 504
    code = "Timeout"
