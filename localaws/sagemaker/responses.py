"""The SageMaker actions that moto lacks; each mix-in adds those of one part."""

from moto.sagemaker.responses import SageMakerResponse

from localaws.sagemaker.endpoints.actions import EndpointActions
from localaws.sagemaker.training.actions import TrainingActions


class LocalSageMakerResponse(TrainingActions, EndpointActions, SageMakerResponse):
    """moto's SageMaker actions and ours."""
