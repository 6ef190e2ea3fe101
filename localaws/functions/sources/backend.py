"""Event source mappings that say what they cannot do, and end when they are deleted."""

from collections.abc import Iterator
from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError
from moto.awslambda.models import EventSourceMapping, LambdaBackend
from moto.core.exceptions import JsonRESTError
from moto.dynamodb.models import dynamodb_backends
from moto.kinesis.models import kinesis_backends
from moto.sqs.models import sqs_backends

from localaws.functions.errors import ConflictError
from localaws.functions.sources.validation import check_mapping, missing_source


class SourcesMixin(LambdaBackend):
    """Overrides moto's event source mappings."""

    def create_event_source_mapping(self, spec: dict[str, Any]) -> EventSourceMapping:
        """Create a mapping; what moto raises as a ValueError is a refusal of Lambda's."""
        check_mapping(spec)
        if not spec.get("EventSourceArn"):
            raise InvalidParameterValueException("Unrecognized event source.")
        self._check_new(spec["EventSourceArn"], spec["FunctionName"])
        try:
            return super().create_event_source_mapping(spec)
        except ValueError as error:
            raise InvalidParameterValueException(str(error.args[-1])) from error
        except LambdaClientError:
            raise
        except JsonRESTError as error:
            raise InvalidParameterValueException(missing_source(spec["EventSourceArn"])) from error

    def _check_new(self, arn: str, function_name: str) -> None:
        """Refuse a second mapping of a source to a function."""
        for known in self._event_source_mappings.values():
            if (known.event_source_arn, known.function_name) == (arn, function_name):
                raise ConflictError(
                    f'An event source mapping with {arn.split(":")[2].upper()} arn (" {arn} ") and function '
                    f'(" {function_name} ") already exists. '
                    f"Please update or delete the existing mapping with UUID {known.uuid}"
                )

    def update_event_source_mapping(self, uuid: str, spec: dict[str, Any]) -> EventSourceMapping | None:
        """Change a mapping."""
        check_mapping(spec)
        try:
            return super().update_event_source_mapping(uuid, spec)
        except ValueError as error:
            raise InvalidParameterValueException(str(error.args[-1])) from error

    def delete_event_source_mapping(self, uuid: str) -> EventSourceMapping | None:
        """Delete a mapping; moto leaves it with its queue, table or stream, which goes on calling."""
        mapping = super().delete_event_source_mapping(uuid)
        for kept in self._kept_mappings():
            for arn in [arn for arn, known in kept.items() if known is mapping]:
                del kept[arn]
        return mapping

    def _kept_mappings(self) -> Iterator[dict[str, Any]]:
        """Give what each source of this account and region calls."""
        account_id, region = self.account_id, self.region_name
        sources: list[Any] = [
            *sqs_backends[account_id][region].queues.values(),
            *dynamodb_backends[account_id][region].tables.values(),
            *kinesis_backends[account_id][region].streams.values(),
        ]
        for source in sources:
            yield source.lambda_event_source_mappings
