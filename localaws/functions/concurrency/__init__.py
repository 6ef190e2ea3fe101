"""Concurrency: what is reserved, what is provisioned, and what runs."""
