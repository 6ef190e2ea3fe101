"""CloudWatch's metrics and alarms: a store that real events fill, and alarms that the clock evaluates."""
