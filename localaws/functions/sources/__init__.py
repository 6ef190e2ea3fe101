"""Event source mappings: what polls queues and streams for a function."""
