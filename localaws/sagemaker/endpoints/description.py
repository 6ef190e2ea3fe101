"""What the status page shows of endpoints."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from localaws.sagemaker.endpoints.controller import EndpointController
from localaws.sagemaker.endpoints.wording import log_group


def describe_endpoints(
    controllers: Iterable[EndpointController], *, queues: Mapping[EndpointController, str]
) -> Iterator[dict[str, Any]]:
    """Give a row for each endpoint, by name; `queues` says how full those of asynchronous ones are."""
    for controller in sorted(controllers, key=lambda found: found.name):
        endpoint = controller.endpoint
        yield {
            "name": controller.name,
            "account_id": controller.account_id,
            "region": controller.region,
            "status": endpoint.endpoint_status,
            "config": endpoint.endpoint_config_name,
            "reason": endpoint.failure_reason or "",
            "queue": queues.get(controller, ""),
            "instances": [
                {
                    "variant": instance.variant,
                    "id": instance.id,
                    "state": instance.state.name,
                    "pid": instance.pid,
                    "port": instance.port,
                    "restarts": instance.restarts,
                    "outstanding": instance.outstanding,
                }
                for instance in controller.fleet.instances()
            ],
            "created": endpoint.creation_time,
            "log": {"group": log_group(controller.name), "prefix": ""},
        }
