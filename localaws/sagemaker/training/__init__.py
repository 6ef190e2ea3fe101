"""SageMaker training jobs that really run: N hosts are N process groups with a /opt/ml of their own."""
