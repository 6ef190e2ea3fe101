"""A function's reserved and provisioned concurrency in memory, with AWS's rules between the two."""

from typing import Any

from tests.unit.musher.operators.fakes import refuse

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


class FakeConcurrency:
    """What is asked for is READY at the second look, or FAILED where `fails` says so of its version."""

    def __init__(self) -> None:
        self.reserved: int | None = None
        self.configs: dict[str, dict[str, Any]] = {}
        self.fails: set[str] = set()
        self.steps: list[str] = []

    def _total(self) -> int:
        return sum(config["RequestedProvisionedConcurrentExecutions"] for config in self.configs.values())

    def get_function_concurrency(self, **_: str) -> dict[str, int]:
        return {} if self.reserved is None else {"ReservedConcurrentExecutions": self.reserved}

    def put_function_concurrency(self, *, ReservedConcurrentExecutions: int, **_: str) -> None:  # noqa: N803
        if self._total() > ReservedConcurrentExecutions:
            raise refuse("InvalidParameterValueException", "PutFunctionConcurrency")
        self.reserved = ReservedConcurrentExecutions
        self.steps.append(f"reserve {self.reserved}")

    def delete_function_concurrency(self, **_: str) -> None:
        self.reserved = None
        self.steps.append("reserve none")

    def get_paginator(self, operation: str) -> "FakeConcurrency":
        assert operation == "list_provisioned_concurrency_configs"
        return self

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        configs = [{**config, "FunctionArn": f"{ARN}:{name}"} for name, config in self.configs.items()]
        return [{"ProvisionedConcurrencyConfigs": [config]} for config in configs]

    def put_provisioned_concurrency_config(
        self,
        *,
        Qualifier: str,  # noqa: N803
        ProvisionedConcurrentExecutions: int,  # noqa: N803
        **_: str,
    ) -> None:
        known = self.configs.get(Qualifier, {"RequestedProvisionedConcurrentExecutions": 0})
        others = self._total() - known["RequestedProvisionedConcurrentExecutions"]
        if self.reserved is not None and others + ProvisionedConcurrentExecutions > self.reserved:
            raise refuse("InvalidParameterValueException", "PutProvisionedConcurrencyConfig")
        self.configs[Qualifier] = {
            "Status": "IN_PROGRESS",
            "RequestedProvisionedConcurrentExecutions": ProvisionedConcurrentExecutions,
            "AllocatedProvisionedConcurrentExecutions": 0,
            "looks": 0,
        }
        self.steps.append(f"provision {ProvisionedConcurrentExecutions} of {Qualifier}")

    def get_provisioned_concurrency_config(self, *, Qualifier: str, **_: str) -> dict[str, Any]:  # noqa: N803
        if Qualifier not in self.configs:
            raise refuse("ProvisionedConcurrencyConfigNotFoundException", "GetProvisionedConcurrencyConfig")
        config = self.configs[Qualifier]
        config["looks"] += 1
        if config["looks"] == 2 and Qualifier in self.fails:
            config |= {"Status": "FAILED", "StatusReason": "FUNCTION_ERROR_INIT_FAILURE"}
        elif config["looks"] == 2:
            wanted = config["RequestedProvisionedConcurrentExecutions"]
            config |= {"Status": "READY", "AllocatedProvisionedConcurrentExecutions": wanted}
            self.steps.append(f"{Qualifier} is warm")
        return config

    def delete_provisioned_concurrency_config(self, *, Qualifier: str, **_: str) -> None:  # noqa: N803
        if self.configs.pop(Qualifier, None):
            self.steps.append(f"provision 0 of {Qualifier}")
