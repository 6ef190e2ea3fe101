"""Train and serve an image classifier: the code of Musher's model image."""
