"""Requests and answers held against AWS's service models, which botocore carries."""
