"""Errors of localaws.

    LocalAwsError
    ├── AddressInUseError     the port is taken by another process
    ├── DataDirError          the folder of localaws cannot be used
    ├── OutputFileError       a file that an option names cannot be written
    ├── ChildStartError       a child process could not be started
    ├── ArchiveError          an archive is corrupt, or holds something that must not be unpacked
    ├── ModelDeployError      a model cannot be put behind an endpoint; the message becomes its FailureReason
    ├── StorageError          S3 refused an object, or an object cannot become a file
    ├── JobError              a job cannot go on; the message is its FailureReason
    ├── FaultRuleError        a fault rule that was posted makes no sense
    └── SpeedError            a speed that was asked for makes no sense

Errors that a client of the API sees are moto's own (`moto.core.exceptions.JsonRESTError` and its kin).
"""


class LocalAwsError(Exception):
    """Any failure of localaws itself."""


class AddressInUseError(LocalAwsError):
    """The address is taken by another process."""


class DataDirError(LocalAwsError):
    """The folder of localaws cannot be used."""


class OutputFileError(LocalAwsError):
    """A file that an option names cannot be written."""


class ChildStartError(LocalAwsError):
    """A child process could not be started."""


class ArchiveError(LocalAwsError):
    """An archive is corrupt, or holds something that must not be unpacked."""


class ModelDeployError(LocalAwsError):
    """A model cannot be put behind an endpoint; the message becomes the endpoint's FailureReason."""


class StorageError(LocalAwsError):
    """S3 refused an object, or an object cannot become a file."""


class JobError(LocalAwsError):
    """A job cannot go on; the message is its FailureReason."""


class FaultRuleError(LocalAwsError):
    """A fault rule that was posted makes no sense."""


class SpeedError(LocalAwsError):
    """A speed that was asked for makes no sense."""
