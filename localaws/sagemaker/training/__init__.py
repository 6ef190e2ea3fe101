"""SageMaker training."""
