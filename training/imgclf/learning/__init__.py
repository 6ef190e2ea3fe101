"""How a network learns: recipe, loop, optimiser, metrics, checkpoints."""
