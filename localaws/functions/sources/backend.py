"""Event source mappings that end when they are deleted."""

from collections.abc import Iterator
from typing import Any

from moto.awslambda.models import EventSourceMapping, LambdaBackend
from moto.dynamodb.models import dynamodb_backends
from moto.kinesis.models import kinesis_backends
from moto.sqs.models import sqs_backends


class SourcesMixin(LambdaBackend):
    """Overrides moto's event source mappings."""

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
