"""What runs cost: pure functions of seconds, instances and prices."""
