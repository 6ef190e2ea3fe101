"""SageMaker processing jobs."""
