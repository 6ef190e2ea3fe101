"""Aliases: moto's, checked as on AWS and with a revision that changes."""

import random
import uuid
from collections.abc import Callable
from typing import Any

from moto.awslambda.models import LambdaAlias

from localaws import context as contexts
from localaws.functions.aliases import validation
from localaws.functions.backend import FunctionsMixin, check_revision, weights_of
from localaws.functions.errors import ConflictError, NotFoundError
from localaws.functions.function import LocalFunction
from localaws.functions.host import FunctionHost


class AliasesMixin(FunctionsMixin):
    """Overrides moto's aliases."""

    def create_alias(
        self,
        name: str,
        function_name: str,
        function_version: str,
        description: str,
        routing_config: Any,
    ) -> LambdaAlias:
        """Create an alias of a version that exists."""
        with self._settings_lock:
            self._check_routing(function_name, function_version, routing_config)
            if self.find_alias(function_name, name) is not None:
                raise ConflictError(f"Alias already exists: {self.target(function_name, name).arn()}")
            return super().create_alias(name, function_name, function_version, description, routing_config)

    def _check_routing(self, function_name: str, version: str, routing: Any) -> None:
        weights = weights_of(routing)
        validation.check_weights(weights, version=version)
        validation.check_versions([self.local(function_name, known) for known in (version, *weights)])

    def find_alias(self, function_name: str, name: str) -> LambdaAlias | None:
        """Return an alias, or None."""
        if self.find_latest(function_name) is None:
            return None
        return next((alias for alias in self.list_aliases(function_name) if alias.name == name), None)

    def get_alias(self, name: str, function_name: str) -> LambdaAlias:
        """Return an alias. Raises NotFoundError."""
        alias = self.find_alias(function_name, name)
        if alias is None:
            raise NotFoundError(f"Cannot find alias arn: {self.target(function_name, name).arn()}")
        return alias

    def change_alias(self, name: str, function_name: str, request: dict[str, Any]) -> LambdaAlias:
        """Answer UpdateAlias: what the request leaves out stays as it is."""
        with self._settings_lock:
            alias = self.get_alias(name, function_name)
            check_revision(request.get("RevisionId"), alias.revision_id)
            version = request.get("FunctionVersion") or alias.function_version
            routing = request.get("RoutingConfig", alias.routing_config)
            self._check_routing(function_name, version, routing)
            alias.update(request.get("Description"), version, routing)
            alias.revision_id = str(uuid.uuid4())
            return alias

    def delete_alias(self, name: str, function_name: str) -> None:
        """Delete an alias and what belongs to it; one that is not there is fine, as on AWS."""
        function = self.local(function_name)
        super().delete_alias(name, function_name)
        function.settings.forget(name)
        contexts.current().find_service(FunctionHost).refresh()

    def choose_version(
        self, name: str, qualifier: str | None, *, draw: Callable[[], float] = random.random
    ) -> LocalFunction:
        """Return the version that an event goes to; an alias may choose among two by weight."""
        function = self.local(name, qualifier)
        alias = self.find_alias(name, qualifier) if qualifier else None
        for version, weight in weights_of(alias.routing_config if alias else None).items():
            if draw() < float(weight):
                return self.local(name, version)
        return function
