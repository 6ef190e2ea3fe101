"""The server of /ping and /invocations."""
