"""The fakes of the operators' tests, for the triggers that they wait by."""

from tests.unit.musher.operators.conftest import aws, fake_clock, log_groups, logs

__all__ = ["aws", "fake_clock", "log_groups", "logs"]
