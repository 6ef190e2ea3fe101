"""Asynchronous invocations: their settings, their queue, and where their results go."""
