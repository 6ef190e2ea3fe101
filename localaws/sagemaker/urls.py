"""moto's SageMaker URLs, answered by our responses (moto finds this module by the name of the backend's)."""

from moto.sagemaker.urls import url_bases

from localaws.sagemaker.responses import LocalSageMakerResponse

__all__ = ["url_bases", "url_paths"]

url_paths = {"{0}/$": LocalSageMakerResponse.dispatch}
