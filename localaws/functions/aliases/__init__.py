"""Aliases: names for versions, with shares of the traffic."""
