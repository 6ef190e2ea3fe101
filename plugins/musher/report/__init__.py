"""The report of one run: pure functions from its numbers to HTML."""
