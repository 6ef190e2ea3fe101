"""One Lambda function in memory, with its versions, its alias and the alarm on its errors."""

from typing import Any

from musher.names import function_alarms
from tests.unit.musher.fake_concurrency import FakeConcurrency
from tests.unit.musher.operators.fakes import FakeWaiter

NAME = "musher-0123abcd"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:" + NAME
TAGS = {"musher:project": "musher", "musher:run": "0123abcd"}
REQUEST = {
    "FunctionName": NAME,
    "Runtime": "python3.14",
    "Code": {"S3Bucket": "b", "S3Key": "musher/lambda/ff/function.zip"},
    "Environment": {"Variables": {"ENDPOINT_NAME": NAME}},
    "Tags": TAGS,
}


class FakeLambda(FakeConcurrency):
    """One function in memory; after every change it is ready at the second look."""

    def __init__(self) -> None:
        super().__init__()
        self.exists = False
        self.states: list[dict[str, str]] = []
        self.end = {"State": "Active", "LastUpdateStatus": "Successful"}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.tags = dict(TAGS)
        self.versions: list[Any] = []
        """What each published version was made of."""
        self.aliases: dict[str, str] = {}
        self.weights: dict[str, float] = {}
        self.conn = self

    def _change(self, call: str, request: dict[str, Any]) -> None:
        assert not self.states, f"{call} while the last change was under way"
        self.calls.append((call, request))
        self.exists = True
        self.states = [{"State": "Active", "LastUpdateStatus": "InProgress"}, self.end]

    def create_function(self, **request: Any) -> None:
        self._change("create", request)

    def update_function_code(self, **request: Any) -> None:
        self._change("code", request)

    def update_function_configuration(self, **request: Any) -> None:
        self._change("configuration", request)

    def get_function_configuration(self, **_: str) -> dict[str, str]:
        state = self.states.pop(0) if self.states else self.end
        return {**state, "FunctionArn": ARN}

    def publish_version(self, **_: str) -> dict[str, str]:
        made_of = self.calls[-1][1].get("Environment")
        if made_of not in self.versions:
            self.versions.append(made_of)
        return {"Version": str(self.versions.index(made_of) + 1)}

    def find_alias(self, name: str, *, alias: str) -> dict[str, str] | None:
        return self._alias(alias) if alias in self.aliases else None

    def _alias(self, name: str) -> dict[str, str]:
        routing = {"RoutingConfig": {"AdditionalVersionWeights": self.weights}} if self.weights else {}
        arn = f"{ARN}:{name}"
        return {"AliasArn": arn, "Name": name, "FunctionVersion": self.aliases[name], **routing}

    def create_alias(self, *, Name: str, FunctionVersion: str, **_: Any) -> dict[str, str]:  # noqa: N803
        assert Name not in self.aliases
        self.aliases[Name] = FunctionVersion
        self.steps.append(f"alias {FunctionVersion}")
        return self._alias(Name)

    def update_alias(self, *, Name: str, FunctionVersion: str, **rest: Any) -> dict[str, str]:  # noqa: N803
        self.aliases[Name], self.weights = FunctionVersion, rest["RoutingConfig"]["AdditionalVersionWeights"]
        shares = "".join(f", {version} has {weight}" for version, weight in self.weights.items())
        self.steps.append(f"alias {FunctionVersion}{shares}")
        return self._alias(Name)

    def tag_resource(self, *, Resource: str, Tags: dict[str, str]) -> None:  # noqa: N803
        assert Resource == ARN
        self.tags |= Tags

    def list_tags(self, *, Resource: str) -> dict[str, Any]:  # noqa: N803
        return {"Tags": self.tags}

    def find_function(self, name: str) -> dict[str, str] | None:
        return self.end if self.exists else None

    def get_waiter(self, name: str) -> Any:
        return FakeWaiter(self, "lambda", name)


def asked(
    request: dict[str, Any],
    *,
    reserved: int | None = 5,
    provisioned: int = 0,
    shift: dict[str, Any] | None = None,
    scaling: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what an earlier task hands on."""
    concurrency = {"reserved": reserved, "provisioned": provisioned}
    return {"Function": request, "Concurrency": concurrency, "Shift": shift, "Scaling": scaling}


class FakeScaler:
    """Application Auto Scaling; targets by resource id, what is done are `steps` of the function's."""

    def __init__(self, steps: list[str] | None = None) -> None:
        self.targets: dict[str, list[dict[str, Any]]] = {}
        self.steps = [] if steps is None else steps
        self.conn = self

    def get_paginator(self, operation: str) -> "FakeScaler":
        assert operation == "describe_scalable_targets"
        return self

    def paginate(self, *, ServiceNamespace: str, **_: str) -> list[dict[str, Any]]:  # noqa: N803
        assert ServiceNamespace == "lambda"
        return [{"ScalableTargets": [{"ResourceId": name}]} for name in self.targets]

    def register_scalable_target(
        self,
        *,
        ResourceId: str,  # noqa: N803
        MinCapacity: int,  # noqa: N803
        MaxCapacity: int,  # noqa: N803
        **_: str,
    ) -> None:
        self.targets[ResourceId] = []
        version = ResourceId.rpartition(":")[2]
        self.steps.append(f"scale {version} from {MinCapacity} to {MaxCapacity}")

    def put_scaling_policy(self, *, ResourceId: str, **request: Any) -> None:  # noqa: N803
        self.targets[ResourceId].append(request)

    def put_scheduled_action(self, *, ResourceId: str, **request: Any) -> None:  # noqa: N803
        self.targets[ResourceId].append(request)

    def deregister_scalable_target(self, *, ResourceId: str, **_: str) -> None:  # noqa: N803
        del self.targets[ResourceId]
        self.steps.append(f"{ResourceId.rpartition(':')[2]} scales no longer")


class FakeWatch:
    """CloudWatch with the alarms of a function; `ringing` is in `state`, the others are OK.

    What is done with that one are `steps` of the function's.
    """

    def __init__(self, steps: list[str]) -> None:
        self.alarms: dict[str, dict[str, Any]] = {}
        self.ringing, self.state = f"{NAME}-errors", "OK"
        self.steps = steps
        self.conn = self

    def describe_alarms(self, *, AlarmNames: list[str]) -> dict[str, Any]:  # noqa: N803
        assert set(AlarmNames) <= set(function_alarms(NAME))
        found = [self.alarms[name] for name in AlarmNames if name in self.alarms]
        return {"MetricAlarms": [alarm | self._state(alarm["AlarmName"]) for alarm in found]}

    def _state(self, name: str) -> dict[str, str]:
        state = self.state if name == self.ringing else "OK"
        return {"StateValue": state, "StateReason": "Threshold Crossed"}

    def put_metric_alarm(self, **request: Any) -> None:
        self.alarms[request["AlarmName"]] = request
        if request["AlarmName"] == self.ringing:
            self.steps.append(f"alarm: {request['AlarmDescription']}")

    def delete_alarms(self, *, AlarmNames: list[str]) -> None:  # noqa: N803
        for name in AlarmNames:
            del self.alarms[name]
        if self.ringing in AlarmNames:
            self.state = "INSUFFICIENT_DATA"
            self.steps.append("no alarm")
