"""moto's Lambda URLs, answered by our responses (moto finds this module by the name of the backend's)."""

from moto.awslambda.urls import url_bases
from moto.awslambda.urls import url_paths as moto_url_paths

from localaws.functions.responses import LocalLambdaResponse

__all__ = ["url_bases", "url_paths"]

url_paths = dict.fromkeys(moto_url_paths, LocalLambdaResponse.dispatch)
