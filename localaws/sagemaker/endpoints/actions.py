"""SageMaker actions that moto lacks."""


class EndpointActions:
    """Added to moto's SageMakerResponse."""
