"""Lambda that runs functions: moto's state, real execution environments."""
