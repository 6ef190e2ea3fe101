"""Errors of the tuning actions, as AWS names them."""

from moto.core.exceptions import JsonRESTError


class ResourceLimitError(JsonRESTError):
    """A limit of the account would be passed."""

    code = 400

    def __init__(self, *, limit: str, allowed: int, wanted: int) -> None:
        super().__init__(
            "ResourceLimitExceeded",
            f"The account-level service limit 'Maximum number of {limit}' is {allowed}, and {wanted} are "
            "requested.",
        )


class TuningJobNotFoundError(JsonRESTError):
    """No tuning job has this name."""

    code = 400

    def __init__(self, *, name: str, region: str) -> None:
        super().__init__(
            "ResourceNotFound",
            f"Amazon SageMaker can't find a tuning job with the name {name} in {region}. "
            "Provide the name of an existing tuning job.",
        )
