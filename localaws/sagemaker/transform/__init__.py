"""SageMaker batch transform jobs."""
