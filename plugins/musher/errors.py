"""The exceptions of Musher, one tree.

    MusherError
    |-- SettingsError            a MUSHER_* variable is missing or wrong
    |-- PayloadError             a request to AWS would be refused: a Param or a name is out of bounds
    |-- DatasetError             the data cannot be used
    |   |-- DatasetSourceError   they could not be got: no such folder, prefix or zip; a bad archive
    |   |-- DatasetLayoutError   folders or names are wrong: a split or class is missing, a stray file
    |   |-- UnreadableImageError images that Pillow cannot open whole
    |   `-- StagingError         what lies in S3 is not what was written
    |-- ArchiveError             an archive cannot be built, or must not be read
    |-- PreflightError           what a run asks for cannot work in this account; nothing was paid yet
    |-- ImageError               the serving image cannot be built, or SageMaker would refuse it
    |-- JobFailedError           a training job ended in another state than Completed
    |   `-- SpentNameError       the name of a job on EC2 was an instance's that is gone
    |-- GateError                a model is not good enough to be deployed, or not approved
    |-- AwsRefusedError          AWS refuses a call for good: a permission, a request, a quota
    |-- MissingResultError       an earlier task of the run has left no result
    |-- EndpointError            an endpoint, its configuration or its model failed
    |-- NotebookError            a notebook instance failed, or is not this project's
    |-- LambdaError              a function failed or answered with an error
    |-- LoadTestError            a target misses what a load test must show
    |-- TeardownError            something that costs may be left
    |-- AuditError               an account cannot be audited so, or has findings that a run must not pass
    |-- TrafficError             a load test cannot run so: its profile, trace file or target is wrong
    |-- ScalingError             a policy, service times or a search for one makes no sense
    `-- ReportError              a run's report cannot be read

Every message says what is wrong, with the value, and what to do about it.
"""


class MusherError(Exception):
    """Stand for anything that Musher refuses or reports; catch this one at a process boundary."""


class SettingsError(MusherError):
    """Report a setting that is missing or wrong; the message names its variable."""


class PayloadError(MusherError):
    """Report a request that AWS would refuse, before it is sent."""


class DatasetError(MusherError):
    """Report data that cannot be used."""


class DatasetSourceError(DatasetError):
    """Report a folder, prefix, zip or address from which no data set can be had."""


class DatasetLayoutError(DatasetError):
    """Report folders, names or counts that do not make an image data set."""


class UnreadableImageError(DatasetError):
    """Report files that are not whole images of an accepted format."""


class StagingError(DatasetError):
    """Report staged objects that disagree with their manifest or with what was sent."""


class ArchiveError(MusherError):
    """Report an archive that cannot be built, or that must not be read."""


class PreflightError(MusherError):
    """Report all that keeps a run from succeeding, each with its value and its remedy."""


class ImageError(MusherError):
    """Report a serving image that cannot be built, or that SageMaker would refuse."""


class JobFailedError(MusherError):
    """Report a training job that ended in another state than Completed, with AWS's reason."""


class SpentNameError(JobFailedError):
    """Report a name that no instance can have any more, as EC2 remembers it longer than the instance."""

    def __init__(self, message: str, *, is_told: bool) -> None:
        """Take whether EC2 itself says that the instance is terminated; else it only shows none."""
        super().__init__(message)
        self.is_told = is_told


class GateError(MusherError):
    """Report a model that misses what it must reach, or that nobody has approved."""


class AwsRefusedError(MusherError):
    """Report a call that AWS refuses, and would refuse again."""


class MissingResultError(MusherError):
    """Report a task that was started without the result of one before it."""


class EndpointError(MusherError):
    """Report an endpoint, endpoint configuration or model that failed, with AWS's reason."""


class NotebookError(MusherError):
    """Report a notebook instance that failed, with AWS's reason, or that is not this project's."""


class LambdaError(MusherError):
    """Report a function that failed, or whose answer is an error."""


class LoadTestError(MusherError):
    """Report a target that is too slow, or fails too often, under a load, with all limits it misses."""


class TeardownError(MusherError):
    """Report what could not be stopped or removed, all of it together."""


class AuditError(MusherError):
    """Report an audit that cannot be made as asked, or findings as grave as a run must not pass over."""


class ReportError(MusherError):
    """Report a run's report that cannot be read."""


class TrafficError(MusherError):
    """Report a profile, a trace file or a target with which no load test can run."""


class ScalingError(MusherError):
    """Report a policy, service times or candidates that cannot be simulated."""
