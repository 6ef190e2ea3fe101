"""Application Auto Scaling: targets that really scale, and what else moto leaves out."""
