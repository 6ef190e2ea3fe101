"""A frozen backbone's features: computed once, kept, read back."""
