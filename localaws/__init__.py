"""An AWS for one laptop: moto's API state, plus processes that really train, serve and run functions."""
