"""CORS of function URLs: which pages may call one, and what their browsers are told. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html#urls-cors
"""

from collections.abc import Mapping
from typing import Any

from moto.s3.models import CorsRule

METHODS = ("GET", "PUT", "HEAD", "POST", "PATCH", "DELETE")


def as_rule(cors: Mapping[str, Any]) -> CorsRule | None:
    """Return the settings as a rule by which a page is let through, or None where no page is."""
    origins = list(cors.get("AllowOrigins") or [])
    methods = list(cors.get("AllowMethods") or ["*"])
    allowed = list(METHODS) if "*" in methods else methods
    if not origins:
        return None
    return CorsRule(allowed, origins, expose_headers=list(cors.get("ExposeHeaders") or []) or None)


def answer_headers(cors: Mapping[str, Any], *, is_preflight: bool) -> dict[str, str]:
    """Return what an answer to an allowed page says, beside its origin and the exposed headers."""
    headers: dict[str, str] = {}
    if cors.get("AllowCredentials"):
        headers["access-control-allow-credentials"] = "true"
    if is_preflight:
        headers["access-control-allow-methods"] = ",".join(cors.get("AllowMethods") or ["*"])
        headers["access-control-allow-headers"] = ",".join(cors.get("AllowHeaders") or [])
        headers["access-control-max-age"] = str(cors.get("MaxAge") or 0)
    return headers
