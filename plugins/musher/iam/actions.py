"""What is known of actions by their names: which only look, which read data, which have no resources.

The names' first words follow AWS's own habit; a test holds them against its Service Authorization Reference.
"""

from musher.iam.patterns import covers_action

LOOKING = (
    "BatchGet",
    "Check",
    "Describe",
    "Get",
    "Head",
    "List",
    "Lookup",
    "Search",
    "Simulate",
    "Validate",
    "View",
)

READS_DATA = (
    "codecommit:GetFile",
    "dynamodb:BatchGetItem",
    "dynamodb:GetItem",
    "ec2:GetConsoleScreenshot",
    "ec2:GetPasswordData",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "kinesis:GetRecords",
    "lambda:GetFunction",
    "logs:GetLogEvents",
    "s3:GetObject",
    "s3:GetObjectVersion",
    "secretsmanager:BatchGetSecretValue",
    "secretsmanager:GetSecretValue",
    "ssm:GetParameter",
    "ssm:GetParameterHistory",
    "ssm:GetParameters",
    "ssm:GetParametersByPath",
    "sts:GetFederationToken",
)
"""They look by their names, and what they read is what an account has to protect."""

WITHOUT_RESOURCES = (
    "cloudwatch:PutMetricData",
    "ec2messages:AcknowledgeMessage",
    "ec2messages:DeleteMessage",
    "ec2messages:FailMessage",
    "ec2messages:SendReply",
    "iam:GenerateCredentialReport",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
)
"""They change something, and AWS needs no resource for them but `*`."""


def is_harmless(pattern: str) -> bool:
    """Return whether all that a pattern stands for may be allowed on every resource."""
    if any(covers_action(pattern, action) for action in READS_DATA):
        return False
    name = pattern.partition(":")[2]
    return name.startswith(LOOKING) or any(covers_action(action, pattern) for action in WITHOUT_RESOURCES)


def is_everything(pattern: str) -> bool:
    """Return whether a pattern is every action: `*`."""
    return set(pattern) <= {"*", ":"}


def is_whole_service(pattern: str) -> bool:
    """Return whether a pattern is every action of one service: `s3:*`."""
    service, _, name = pattern.partition(":")
    return "*" not in service and set(name) == {"*"}
