"""Triggers: waits for AWS that hold no worker."""
