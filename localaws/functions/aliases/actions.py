"""Answers about aliases."""

from typing import Any

from moto.awslambda.models import LambdaAlias

from localaws.functions.actions import FunctionActions
from localaws.functions.references import Answer


class AliasActions(FunctionActions):
    """CreateAlias and its kin."""

    def create_alias(self) -> Answer:
        """Serve CreateAlias."""
        target, request = self.function_target(), self.json_body
        alias = self.backend_of(target).create_alias(
            name=request["Name"],
            function_name=target.name,
            function_version=request["FunctionVersion"],
            description=request.get("Description", ""),
            routing_config=request.get("RoutingConfig"),
        )
        return self.answer(describe(alias))

    def get_alias(self) -> Answer:
        """Serve GetAlias."""
        target = self.function_target()
        return self.answer(describe(self.backend_of(target).get_alias(self.uri_match["Name"], target.name)))

    def update_alias(self) -> Answer:
        """Serve UpdateAlias."""
        target, name = self.function_target(), self.uri_match["Name"]
        return self.answer(describe(self.backend_of(target).change_alias(name, target.name, self.json_body)))

    def delete_alias(self) -> Answer:
        """Serve DeleteAlias."""
        target = self.function_target()
        self.backend_of(target).delete_alias(self.uri_match["Name"], target.name)
        return self.answer()

    def list_aliases(self) -> Answer:
        """Serve ListAliases, of one version where FunctionVersion says so."""
        target, version = self.function_target(), self.query("FunctionVersion")
        backend = self.backend_of(target)
        backend.local(target.name)
        aliases = backend.list_aliases(target.name)
        fitting = [alias for alias in aliases if version in (None, alias.function_version)]
        return self.page("Aliases", [describe(alias) for alias in fitting])


def describe(alias: LambdaAlias) -> dict[str, Any]:
    """Return an alias as AWS answers it."""
    routing: Any = alias.routing_config or {}
    found = alias.to_json() | {"RoutingConfig": routing}
    if not routing.get("AdditionalVersionWeights"):
        found.pop("RoutingConfig")
    return found
