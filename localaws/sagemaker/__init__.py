"""SageMaker that trains and serves: moto's state, our processes."""
