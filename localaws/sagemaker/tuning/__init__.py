"""Tuning jobs that launch real training jobs and learn from what they print."""
