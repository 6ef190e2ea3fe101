"""How an endpoint would scale: AWS's rules in simulated time, and the cheapest way to a goal. Pure."""
