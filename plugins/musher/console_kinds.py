"""Kinds of resources that a console has pages of; `console` knows where they are."""

TRAINING_JOB, TUNING_JOB, TRANSFORM_JOB = "training job", "tuning job", "transform job"
PROCESSING_JOB = "processing job"
ENDPOINT, FUNCTION = "endpoint", "function"
INSTANCE = "instance"
"""An EC2 instance, by its Name."""
BUILD = "build"
"""By its id `<project>:<uuid>`."""
