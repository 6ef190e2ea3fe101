"""The endpoints part of the SageMaker backend."""


class EndpointsMixin:
    """Overrides of moto's SageMakerModelBackend."""
