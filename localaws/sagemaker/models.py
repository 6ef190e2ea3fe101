"""The SageMaker backend: each mix-in overrides one part of moto's."""

from moto.sagemaker.models import SageMakerModelBackend

from localaws.sagemaker.endpoints.backend import EndpointsMixin
from localaws.sagemaker.training.backend import TrainingMixin


class LocalSageMakerBackend(TrainingMixin, EndpointsMixin, SageMakerModelBackend):
    """moto's SageMaker, with jobs and endpoints that run."""
