"""moto's CloudWatch URLs, answered by our responses (moto finds this module by the name of the backend's)."""

from moto.cloudwatch.urls import url_bases

from localaws.cloudwatch.responses import LocalCloudWatchResponse

__all__ = ["url_bases", "url_paths"]

url_paths = {"{0}/$": LocalCloudWatchResponse.dispatch}
