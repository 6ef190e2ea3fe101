"""Other model servers, each with the same work to do: programs that run in the peers' own environment."""
