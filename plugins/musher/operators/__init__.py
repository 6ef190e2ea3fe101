"""Operators that close the Amazon provider's traps."""
