"""The SageMaker actions that moto lacks; each mix-in adds those of one part."""

from moto.sagemaker.responses import SageMakerResponse

from localaws.sagemaker.answers import AnswerForm
from localaws.sagemaker.endpoints.actions import EndpointActions
from localaws.sagemaker.notebooks.actions import NotebookActions
from localaws.sagemaker.processing.actions import ProcessingActions
from localaws.sagemaker.registry.actions import RegistryActions
from localaws.sagemaker.search.actions import SearchActions
from localaws.sagemaker.training.actions import TrainingActions
from localaws.sagemaker.transform.actions import TransformActions
from localaws.sagemaker.tuning.actions import TuningActions


class LocalSageMakerResponse(
    AnswerForm,
    TuningActions,
    TrainingActions,
    ProcessingActions,
    TransformActions,
    EndpointActions,
    NotebookActions,
    RegistryActions,
    SearchActions,
    SageMakerResponse,
):
    """moto's SageMaker actions and ours."""
