"""What Systems Manager says of commands.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_SendCommand.html names the errors. Most of
them AWS sends without a message; what is said here beyond their names is ours.
"""

from collections.abc import Iterable

NO_TARGETS = "Either InstanceIds or Targets must be given, and not both"
NO_NOTIFICATIONS = "localaws sends no notifications of commands: leave NotificationConfig out"
NO_COMMANDS = 'Parameter "commands" is needed: at least one line of a shell script'


def invalid_instances(instance_ids: Iterable[str], *, account_id: str) -> str:
    """Return what is said of instances that are off, unknown, or whose agent does not answer."""
    return f"Instances [[{', '.join(instance_ids)}]] not in a valid state for account {account_id}"


def no_document(name: str) -> str:
    """Return what is said of a document that there is not."""
    return f"Document with name {name} does not exist."


def not_built(name: str) -> str:
    """Return what is said of a document that AWS has."""
    return f"localaws runs the document AWS-RunShellScript, and not {name}"


def other_platform(name: str) -> str:
    """Return what is said of a document for Windows."""
    return f"The document {name} does not support the platform type Linux"


def no_version(version: str) -> str:
    """Return what is said of a version that a document does not have."""
    return f"The document version {version} is not valid or does not exist"


def unknown_parameters(names: Iterable[str], *, document: str) -> str:
    """Return what is said of parameters that a document does not have."""
    return f"document {document} does not support parameters: {', '.join(names)}"


def wrong_time(value: str) -> str:
    """Return what is said of a time limit that cannot be."""
    return f'Parameter "executionTimeout" is {value!r}; it must be a number of seconds from 1 to 172800'


def one_value(name: str) -> str:
    """Return what is said of a list where a text is wanted."""
    return f'Parameter "{name}" takes one value'


def not_known(member: str) -> str:
    """Return what is said of a member that localaws does not heed."""
    return f"localaws does not heed {member} of SendCommand: leave it out"


def no_bucket(name: str) -> str:
    """Return what is said of outputs that have nowhere to go."""
    return f"The S3 bucket {name} does not exist"


def unknown_target(key: str) -> str:
    """Return what is said of targets that are not found by tags or ids."""
    return f"localaws finds targets by InstanceIds, tag-key and tag:NAME, and not by {key}"
