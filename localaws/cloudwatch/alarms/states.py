"""The three states of an alarm (API_MetricAlarm)."""

OK = "OK"
ALARM = "ALARM"
INSUFFICIENT_DATA = "INSUFFICIENT_DATA"

STATES = (OK, ALARM, INSUFFICIENT_DATA)
"""Each may follow each."""
