"""CloudWatch Logs: what moto passes over."""
