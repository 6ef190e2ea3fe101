"""The pipeline under faults: each AWS call that it makes, broken in each way, and the end state compared."""
