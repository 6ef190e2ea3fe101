"""What event source mappings are refused: what localaws would pass over. Pure.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
"""

from collections.abc import Mapping
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException

ABSENT = (
    "AmazonManagedKafkaEventSourceConfig",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "DocumentDBEventSourceConfig",
    "FilterCriteria",
    "FunctionResponseTypes",
    "ProvisionedPollerConfig",
    "Queues",
    "SelfManagedEventSource",
    "SelfManagedKafkaEventSourceConfig",
    "SourceAccessConfigurations",
    "Topics",
    "TumblingWindowInSeconds",
)
"""Members that decide which records a function gets, or what becomes of those that it fails at."""


def check_mapping(request: Mapping[str, Any]) -> None:
    """Refuse members that would have no effect; those that ask for nothing are fine."""
    asked = [member for member in ABSENT if request.get(member)]
    if asked:
        raise InvalidParameterValueException(
            f"localaws does not implement {asked[0]} of event source mappings"
        )


def missing_source(arn: str) -> str:
    """Say that a queue or a stream is not there."""
    if arn.split(":")[2:3] == ["sqs"]:
        return (
            "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
            "SQS Error Message: The specified queue does not exist."
        )
    return f"Stream not found: {arn}"
