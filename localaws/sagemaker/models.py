"""The SageMaker backend: each mix-in overrides one part of moto's."""

from moto.sagemaker.models import SageMakerModelBackend

from localaws.sagemaker.endpoints.backend import EndpointsMixin
from localaws.sagemaker.processing.backend import ProcessingMixin
from localaws.sagemaker.tuning.backend import TuningMixin


class LocalSageMakerBackend(TuningMixin, ProcessingMixin, EndpointsMixin, SageMakerModelBackend):
    """moto's SageMaker, with jobs of every kind (training's below TuningMixin) and endpoints that run."""
