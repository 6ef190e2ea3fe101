"""SageMaker actions that moto lacks."""


class TrainingActions:
    """Added to moto's SageMakerResponse."""
