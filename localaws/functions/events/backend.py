"""Settings of asynchronous invocations: one for each qualifier."""

from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, UnknownFunctionException

from localaws import context as contexts
from localaws.functions.arns import LATEST, REFERENCE
from localaws.functions.errors import NotFoundError
from localaws.functions.events import validation
from localaws.functions.permissions.backend import PermissionsMixin
from localaws.functions.settings import FunctionSettings

Settings = dict[str, Any]
ITSELF = "You can't specify the function as a destination for itself."


class EventsMixin(PermissionsMixin):
    """Overrides moto's event invoke configs."""

    def _event_settings(self, name: str, qualifier: str | None) -> FunctionSettings:
        """Return what holds the settings. Raises NotFoundError where function or qualifier is missing."""
        try:
            return self.local(name, qualifier).settings
        except UnknownFunctionException as error:
            raise NotFoundError("The function doesn't exist.") from error

    def put_event_config(self, name: str, qualifier: str | None, request: Settings) -> Settings:
        """Answer PutFunctionEventInvokeConfig: what the request leaves out goes."""
        held = self._event_settings(name, qualifier)
        return self._keep(held, name, qualifier, request)

    def update_event_config(self, name: str, qualifier: str | None, request: Settings) -> Settings:
        """Answer UpdateFunctionEventInvokeConfig: what the request leaves out stays."""
        held = self._event_settings(name, qualifier)
        known = self._find(held, name, qualifier)
        return self._keep(held, name, qualifier, known | request)

    def _keep(self, held: FunctionSettings, name: str, qualifier: str | None, request: Settings) -> Settings:
        validation.check_settings(request)
        for side in ("OnSuccess", "OnFailure"):
            self._check_function(
                name, validation.destination_of(request.get("DestinationConfig") or {}, side)
            )
        kept = {member: request[member] for member in validation.SETTINGS if request.get(member) is not None}
        kept["LastModified"] = contexts.current().clock.now().timestamp()
        held.event_configs[qualifier or LATEST] = kept
        return self._describe(kept, name, qualifier)

    def _check_function(self, name: str, arn: str) -> None:
        """Refuse a function that is not there, or the function itself, as a destination."""
        match = REFERENCE.fullmatch(arn) if ":lambda:" in arn else None
        if match is None:
            return
        if match["name"] == name:
            raise InvalidParameterValueException(ITSELF)
        if match["account_id"] == self.account_id and self.find_latest(match["name"]) is None:
            raise InvalidParameterValueException(f"The destination ARN {arn} is invalid.")

    def get_event_config(self, name: str, qualifier: str | None) -> Settings:
        """Answer GetFunctionEventInvokeConfig."""
        function = self.find_latest(name)
        held = function.settings if function else FunctionSettings()
        return self._describe(self._find(held, name, qualifier), name, qualifier)

    def _find(self, held: FunctionSettings, name: str, qualifier: str | None) -> Settings:
        known = held.event_configs.get(qualifier or LATEST)
        if known is None:
            arn = self.target(name, qualifier).qualified_arn()
            raise NotFoundError(f"The function {arn} doesn't have an EventInvokeConfig")
        return known

    def _describe(self, settings: Settings, name: str, qualifier: str | None) -> Settings:
        destinations = {"OnSuccess": {}, "OnFailure": {}} | settings.get("DestinationConfig", {})
        arn = self.target(name, qualifier).qualified_arn()
        return settings | {"FunctionArn": arn, "DestinationConfig": destinations}

    def delete_event_config(self, name: str, qualifier: str | None) -> None:
        """Answer DeleteFunctionEventInvokeConfig."""
        self.get_event_config(name, qualifier)
        self.local(name).settings.event_configs.pop(qualifier or LATEST)

    def list_event_configs(self, name: str) -> list[Settings]:
        """Answer ListFunctionEventInvokeConfigs."""
        held = self._event_settings(name, None)
        return [self._describe(known, name, qualifier) for qualifier, known in held.event_configs.items()]
