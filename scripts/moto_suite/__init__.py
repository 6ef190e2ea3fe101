"""moto's own tests, run against localaws: what passes on moto's server passes here, or AWS refuses it."""
