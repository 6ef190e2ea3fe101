"""Layers whose code is looked at before it is kept."""

import contextlib
from typing import Any

from moto.awslambda.exceptions import (
    InvalidParameterValueException,
    UnknownLayerException,
    UnknownLayerVersionException,
)
from moto.awslambda.models import LambdaBackend, LayerVersion

from localaws.errors import ArchiveError
from localaws.functions import packages
from localaws.functions.errors import NotFoundError

SOURCES = ("ZipFile", "S3Bucket")


class LayersMixin(LambdaBackend):
    """Overrides moto's layers."""

    def publish_layer_version(self, spec: dict[str, Any]) -> LayerVersion:
        """Keep a version. Raises InvalidParameterValueException for code that cannot be unpacked."""
        if not any(source in spec["Content"] for source in SOURCES):
            raise InvalidParameterValueException("Please provide a source for layer code.")
        account_id, region = self.account_id, self.region_name
        layer = LayerVersion(spec, account_id, region)  # type: ignore[abstract]  # moto makes it too
        try:
            packages.check(layer.code_bytes)
        except ArchiveError as error:
            raise InvalidParameterValueException(str(error)) from error
        self._layers.put_layer_version(layer)
        return layer

    def delete_layer_version(self, layer_name: str, layer_version: str) -> None:
        """Delete a version; one that is not there is fine, as on AWS."""
        with contextlib.suppress(UnknownLayerException, KeyError):
            super().delete_layer_version(layer_name, layer_version)

    def get_layer_version(self, layer_name: str, layer_version: str) -> LayerVersion:
        """Return a version. Raises NotFoundError."""
        try:
            return super().get_layer_version(layer_name, layer_version)
        except (UnknownLayerException, UnknownLayerVersionException) as error:
            raise NotFoundError from error
