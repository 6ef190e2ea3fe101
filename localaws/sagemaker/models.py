"""The SageMaker backend: each mix-in overrides one part of moto's."""

from moto.sagemaker.models import SageMakerModelBackend

from localaws.sagemaker.notebooks.backend import NotebookMixin
from localaws.sagemaker.processing.backend import ProcessingMixin
from localaws.sagemaker.registry.backend import RegistryMixin
from localaws.sagemaker.transform.backend import TransformMixin
from localaws.sagemaker.tuning.backend import TuningMixin


class LocalSageMakerBackend(
    TuningMixin, ProcessingMixin, TransformMixin, NotebookMixin, RegistryMixin, SageMakerModelBackend
):
    """moto's SageMaker, with jobs of every kind, endpoints and notebook instances that run.

    Training's part lies below TuningMixin, that of endpoints below TransformMixin.
    """
