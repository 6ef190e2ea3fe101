"""Kinds of resources that a console has pages of; `console` knows where they are."""

TRAINING_JOB, TUNING_JOB = "training job", "tuning job"
ENDPOINT, FUNCTION = "endpoint", "function"
BUILD = "build"
"""By its id `<project>:<uuid>`."""
