"""Layers: their code can be downloaded too."""
