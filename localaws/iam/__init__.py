"""IAM: what moto lacks."""
