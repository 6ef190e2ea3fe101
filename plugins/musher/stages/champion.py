"""Find the model that is live, and what a model that is to take its place was made of."""

import hashlib
import json
import logging

from musher.errors import GateError
from musher.hooks.registry import find_served_package, model_of
from musher.hooks.releases import read_endpoint
from musher.hooks.sagemaker import MusherSageMakerHook
from musher.payloads.registry import DATA, OUTPUT
from musher.results import Champion, Params

logger = logging.getLogger(__name__)

RECIPE_CHARACTERS = 16


def read_champion(hook: MusherSageMakerHook, *, endpoint_name: str, data_hash: str) -> Champion | None:
    """Return the live model; None where nothing is live, or where the registry does not know what is.

    Raises GateError for a version that has lost its metadata.
    """
    endpoint = read_endpoint(hook, name=endpoint_name)
    if endpoint is None:
        logger.info("%s does not exist: there is no live model to compare with", endpoint_name)
        return None
    package = find_served_package(hook, config_name=endpoint.config_name)
    if package is None:
        logger.warning(
            "the registry has no version for %s: this model is held against the minimums alone",
            endpoint.config_name,
        )
        return None
    known = package.get("CustomerMetadataProperties", {})
    if missing := {DATA, OUTPUT} - known.keys():
        raise GateError(
            f"{package['ModelPackageArn']}, which {endpoint.config_name} serves, has lost its metadata "
            f"{', '.join(sorted(missing))} in the registry: this model cannot be held against it. "
            "Restore them (UpdateModelPackage), or retire the live model (retire_deployment)."
        )
    return Champion(
        config_name=endpoint.config_name,
        package_arn=package["ModelPackageArn"],
        model_uri=model_of(package),
        is_same_data=known[DATA] == data_hash,
        output_uri=known[OUTPUT],
    )


def recipe_of(params: Params) -> str:
    """Return a hash of all Params but the source, for which the data's own hash stands."""
    values = {name: value for name, value in params.items() if name != "source"}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:RECIPE_CHARACTERS]
