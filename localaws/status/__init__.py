"""A page that shows what runs in this localaws."""
