"""The Lambda backend: each mix-in overrides one part of moto's (moto finds `urls` by this module's name)."""

from localaws.functions.concurrency.backend import ConcurrencyMixin


class LocalLambdaBackend(ConcurrencyMixin):
    """moto's Lambda, with functions that run."""
