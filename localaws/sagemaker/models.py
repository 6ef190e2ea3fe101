"""The SageMaker backend: each mix-in overrides one part of moto's."""

from moto.sagemaker.models import SageMakerModelBackend

from localaws.sagemaker.endpoints.backend import EndpointsMixin
from localaws.sagemaker.registry.backend import RegistryMixin
from localaws.sagemaker.tuning.backend import TuningMixin


class LocalSageMakerBackend(TuningMixin, EndpointsMixin, RegistryMixin, SageMakerModelBackend):
    """moto's SageMaker, with training jobs (below TuningMixin), tuning jobs and endpoints that run."""
