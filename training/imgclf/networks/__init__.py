"""The networks: their records, how they are built, and their weights."""
