"""Resource policies of functions, one for each qualifier."""
