"""Errors of the tuning actions, as AWS names them."""

from moto.sagemaker.exceptions import ResourceNotFound, SagemakerClientError


class ResourceLimitError(SagemakerClientError):
    """A limit of the account would be passed."""

    code = "ResourceLimitExceeded"

    def __init__(self, *, limit: str, allowed: int, wanted: int) -> None:
        super().__init__(
            f"The account-level service limit 'Maximum number of {limit}' is {allowed}, and {wanted} are "
            "requested."
        )


class TuningJobNotFoundError(ResourceNotFound):
    """No tuning job has this name."""

    def __init__(self, *, name: str, region: str) -> None:
        super().__init__(
            f"Amazon SageMaker can't find a tuning job with the name {name} in {region}. "
            "Provide the name of an existing tuning job."
        )
