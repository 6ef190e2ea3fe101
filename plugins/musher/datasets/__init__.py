"""Data sets: where photos come from, how they are checked, and how they are staged in S3."""
