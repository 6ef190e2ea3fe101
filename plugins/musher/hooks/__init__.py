"""Hooks: the provider's, with waits declared as data and logs read back."""
