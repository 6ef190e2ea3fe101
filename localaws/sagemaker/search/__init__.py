"""Search, over what every part of SageMaker keeps."""
