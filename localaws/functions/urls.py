"""Lambda's URLs, answered by our responses (moto finds this module by the name of the backend's).

One pattern serves all: which action a path is for follows from botocore's model.
"""

from moto.awslambda.urls import url_bases

from localaws.functions.responses import LocalLambdaResponse

__all__ = ["url_bases", "url_paths"]

url_paths = {r"{0}/(?P<api_version>20\d\d-\d\d-\d\d)/(?P<path>.+)$": LocalLambdaResponse.dispatch}
