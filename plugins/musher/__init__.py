"""Musher: stages, operators and payloads that turn a folder of photos into an audited endpoint."""
