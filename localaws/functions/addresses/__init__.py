"""Function URLs: addresses at which a function answers HTTP requests."""
