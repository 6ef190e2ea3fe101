"""moto's URLs of Application Auto Scaling (moto finds this module by the name of the backend's)."""

from moto.applicationautoscaling.urls import url_bases, url_paths

__all__ = ["url_bases", "url_paths"]
