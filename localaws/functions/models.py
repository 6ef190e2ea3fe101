"""The Lambda backend: each mix-in overrides one part of moto's (moto finds `urls` by this module's name)."""

from localaws.functions.addresses.backend import AddressesMixin


class LocalLambdaBackend(AddressesMixin):
    """moto's Lambda, with functions that run."""
