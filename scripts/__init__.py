"""What `make` runs: the demo and the local stack."""
