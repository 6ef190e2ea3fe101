"""Programs that benchmarks.serving compares: other model servers, and our own without a model or a server."""
