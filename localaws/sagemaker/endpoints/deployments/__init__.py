"""Updates of endpoints: a new fleet beside the old one, traffic by steps, alarms, and the way back."""
