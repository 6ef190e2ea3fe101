"""Photos as they lie on disk: indexed, decoded, made into batches."""
