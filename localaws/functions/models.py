"""The Lambda backend: each mix-in overrides one part of moto's (moto finds `urls` by this module's name)."""

from localaws.functions.addresses.backend import AddressesMixin
from localaws.functions.layers.backend import LayersMixin
from localaws.functions.sources.backend import SourcesMixin
from localaws.functions.triggers import TriggersMixin


class LocalLambdaBackend(TriggersMixin, SourcesMixin, LayersMixin, AddressesMixin):
    """moto's Lambda, with functions that run."""
