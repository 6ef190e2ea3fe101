"""Application Auto Scaling: what moto leaves out."""
