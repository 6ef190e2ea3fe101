"""Shapes of a load, by their names: what forms offer, and `profiles.make_profile` takes."""

CONSTANT = "constant"
KINDS = (CONSTANT, "ramp", "spike", "diurnal")
