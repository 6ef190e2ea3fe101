"""Metric alarms: their state is a function of the metrics and of the clock."""
