"""The training part of the SageMaker backend."""


class TrainingMixin:
    """Overrides of moto's SageMakerModelBackend."""
