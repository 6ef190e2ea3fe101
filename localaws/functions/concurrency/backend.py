"""Reserved and provisioned concurrency, and what is left of the account's."""

from typing import Any

from moto.awslambda.exceptions import (
    InvalidParameterValueException,
    LambdaClientError,
    UnknownFunctionException,
)

from localaws import context as contexts
from localaws.functions.aliases import validation
from localaws.functions.arns import LATEST, Target
from localaws.functions.backend import weights_of
from localaws.functions.concurrency.provisioned import Provisioned, total
from localaws.functions.concurrency.slots import ACCOUNT_LIMIT, UNRESERVED_MINIMUM, Allowance
from localaws.functions.configuration import lambda_time
from localaws.functions.errors import ConflictError
from localaws.functions.events.backend import EventsMixin
from localaws.functions.function import LocalFunction
from localaws.functions.host import FunctionHost
from localaws.functions.packages import UNZIPPED_LIMIT

TOTAL_CODE_LIMIT, ZIPPED_LIMIT = 80_530_636_800, 52_428_800
"""Bytes of all packages of an account, and of one that is uploaded directly
(https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)."""


UNPUBLISHED = "Provisioned Concurrency Configs cannot be applied to unpublished function versions."


def check_published(function: LocalFunction) -> None:
    """Refuse to provision what may change: an alias may mean `$LATEST`, too."""
    if str(function.version) == LATEST:
        raise InvalidParameterValueException(UNPUBLISHED)


class NoProvisionedError(LambdaClientError):
    """There is no provisioned concurrency."""

    code = 404

    def __init__(self) -> None:
        message = "No Provisioned Concurrency Config found for this function"
        super().__init__("ProvisionedConcurrencyConfigNotFoundException", message)


class ConcurrencyMixin(EventsMixin):
    """Overrides moto's reservations, and adds what it lacks."""

    def unreserved(self, *, without: str | None = None) -> int:
        """Return the account's concurrency that no function has to itself, one function left out."""
        return ACCOUNT_LIMIT - sum(
            self._claimed(function) for function in self._all_latest() if function.function_name != without
        )

    def _all_latest(self) -> list[LocalFunction]:
        return [function for function in self.list_functions() if isinstance(function, LocalFunction)]

    def _claimed(self, function: LocalFunction) -> int:
        """Return what a function takes from the account: its reservation, else what it has provisioned."""
        if function.reserved_concurrency is not None:
            return int(function.reserved_concurrency)
        return total(function.settings.provisioned)

    def allowance(self, name: str) -> Allowance:
        """Return what a function may run at once, beside what is provisioned."""
        function = self.local(name)
        reserved = function.reserved_concurrency
        return Allowance(
            account_id=self.account_id,
            region=self.region_name,
            function_name=name,
            reserved=None if reserved is None else int(reserved),
            unreserved_limit=self.unreserved(),
            provisioned=total(function.settings.provisioned),
            account_limit=ACCOUNT_LIMIT,
            reserving=frozenset(
                known.function_name for known in self._all_latest() if known.reserved_concurrency is not None
            ),
        )

    def account_settings(self) -> dict[str, Any]:
        """Answer GetAccountSettings."""
        functions = self._all_latest()
        versions = [
            version for fn in functions for version in self.list_versions_by_function(fn.function_name)
        ]
        return {
            "AccountLimit": {
                "TotalCodeSize": TOTAL_CODE_LIMIT,
                "CodeSizeUnzipped": UNZIPPED_LIMIT,
                "CodeSizeZipped": ZIPPED_LIMIT,
                "ConcurrentExecutions": ACCOUNT_LIMIT,
                "UnreservedConcurrentExecutions": self.unreserved(),
            },
            "AccountUsage": {
                "TotalCodeSize": sum(int(version.code_size) for version in versions),
                "FunctionCount": len(functions),
            },
        }

    # -- reserved ----------------------------------------------------------------------------------------

    def put_function_concurrency(self, function_name: str, reserved_concurrency: Any) -> str:
        """Reserve concurrency; 100 of the account's 1,000 must stay unreserved."""
        with self._settings_lock:
            function = self.find_latest(function_name)
            if function is None:
                raise UnknownFunctionException(self.target(function_name).qualified_arn())
            wanted, provisioned = int(reserved_concurrency), total(function.settings.provisioned)
            if wanted < provisioned:
                raise InvalidParameterValueException(
                    f" ReservedConcurrentExecutions  {wanted} should not be lower than function's total "
                    f"provisioned concurrency [{provisioned}]."
                )
            if self.unreserved(without=function_name) - wanted < UNRESERVED_MINIMUM:
                raise InvalidParameterValueException(
                    "Specified ReservedConcurrentExecutions for function decreases account's "
                    f"UnreservedConcurrentExecution below its minimum value of [{UNRESERVED_MINIMUM}]."
                )
            function.reserved_concurrency = wanted
            return str(wanted)

    # -- provisioned -------------------------------------------------------------------------------------

    def put_provisioned(self, name: str, qualifier: str | None, requested: int) -> dict[str, Any]:
        """Answer PutProvisionedConcurrencyConfig; the environments are started in the background."""
        if qualifier in (None, LATEST):
            raise InvalidParameterValueException(UNPUBLISHED)
        assert qualifier is not None
        with self._settings_lock:
            function = self._check_qualifier(name, qualifier)
            check_published(function)
            self._check_alone(name, qualifier)
            self._check_overlap(function, name, qualifier)
            configs = function.settings.provisioned
            known = {key: config for key, config in configs.items() if key == qualifier}
            self._check_room(self.local(name), requested - total(known))
            now = lambda_time(contexts.current().clock.now())
            if qualifier in configs:
                configs[qualifier].ask_for(requested, last_modified=now)
            else:
                configs[qualifier] = Provisioned(requested=requested, last_modified=now)
            answer = configs[qualifier].describe()
        contexts.current().find_service(FunctionHost).provision(self.target(name, qualifier))
        return answer

    def _check_qualifier(self, name: str, qualifier: str) -> LocalFunction:
        """Return the version that a qualifier means. Raises what AWS answers where it is not there."""
        if not qualifier.isdecimal():
            self.get_alias(qualifier, name)
        return self.local(name, qualifier)

    def _check_alone(self, name: str, qualifier: str) -> None:
        """Refuse to provision an alias that shares its traffic."""
        alias = self.find_alias(name, qualifier)
        if alias is not None and weights_of(alias.routing_config):
            raise InvalidParameterValueException(
                "Alias with weights can not be used with Provisioned Concurrency"
            )

    def _check_overlap(self, function: LocalFunction, name: str, qualifier: str) -> None:
        """Refuse to provision a version twice: by itself and by an alias, or by two aliases.

        Each would count the other's environments as its own.
        """
        configs, version = function.settings.provisioned, str(function.version)
        aliases = [alias.name for alias in self.list_aliases(name) if alias.function_version == version]
        others = [alias for alias in aliases if alias in configs and alias != qualifier]
        if qualifier.isdecimal() and others:
            raise ConflictError("Version is pointed by a Provisioned Concurrency alias")
        if not qualifier.isdecimal() and (others or version in configs):
            raise ConflictError(
                "Alias can't be used for Provisioned Concurrency configuration on an already "
                "Provisioned version"
            )

    def _check_room(self, function: LocalFunction, more: int) -> None:
        """Refuse more than the function has reserved, or than the account has left."""
        reserved = function.reserved_concurrency
        if reserved is not None:
            if total(function.settings.provisioned) + more > int(reserved):
                raise InvalidParameterValueException(
                    "Requested Provisioned Concurrency should not be greater than the "
                    "reservedConcurrentExecution for function"
                )
            return
        left = self.unreserved()
        if more > left:
            raise InvalidParameterValueException(
                "Specified ConcurrentExecutions for function is greater than account's unreserved "
                f"concurrency [{left}]."
            )
        if left - more < UNRESERVED_MINIMUM:
            raise InvalidParameterValueException(
                "Specified ConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{UNRESERVED_MINIMUM}]."
            )

    def _configs_of(self, name: str, qualifier: str | None) -> tuple[dict[str, Provisioned], str]:
        if qualifier in (None, LATEST):
            raise InvalidParameterValueException(
                "The function resource provided must be an alias or a published version."
            )
        assert qualifier is not None
        return self._check_qualifier(name, qualifier).settings.provisioned, qualifier

    def get_provisioned(self, name: str, qualifier: str | None) -> dict[str, Any]:
        """Answer GetProvisionedConcurrencyConfig."""
        configs, known = self._configs_of(name, qualifier)
        if known not in configs:
            raise NoProvisionedError
        return configs[known].describe()

    def delete_provisioned(self, name: str, qualifier: str | None) -> None:
        """Answer DeleteProvisionedConcurrencyConfig; where there is none, that is fine, as on AWS."""
        configs, known = self._configs_of(name, qualifier)
        configs.pop(known, None)
        contexts.current().find_service(FunctionHost).refresh()

    def list_provisioned(self, name: str) -> list[dict[str, Any]]:
        """Answer ListProvisionedConcurrencyConfigs."""
        configs = self.local(name).settings.provisioned
        return [
            {"FunctionArn": self.target(name, qualifier).arn()} | config.describe()
            for qualifier, config in configs.items()
        ]

    def is_provisioned(self, name: str, version: str) -> bool:
        """Tell whether environments of a version are to be kept, for itself or for an alias of it."""
        configs = self.local(name).settings.provisioned
        aliases = [alias.name for alias in self.list_aliases(name) if alias.function_version == version]
        return any(known in configs and configs[known].status != "FAILED" for known in (version, *aliases))

    def all_provisioned(self) -> list[tuple[Target, Provisioned]]:
        """Return what every version and alias has provisioned."""
        return [
            (self.target(function.function_name, qualifier), config)
            for function in self._all_latest()
            for qualifier, config in list(function.settings.provisioned.items())
        ]

    def find_provisioned(self, name: str, qualifier: str | None, version: str) -> Provisioned | None:
        """Return what is provisioned for events that a qualifier led to a version: by either of them."""
        known = self.provisioned_by(name, qualifier, version)
        return None if known is None else self.local(name).settings.provisioned.get(known)

    def provisioned_by(self, name: str, qualifier: str | None, version: str) -> str | None:
        """Return the alias or version that has what is provisioned for such events."""
        configs = self.local(name).settings.provisioned
        alias = self.find_alias(name, qualifier) if qualifier else None
        if alias is not None and alias.name in configs and alias.function_version == version:
            return str(alias.name)
        return version if version in configs else None

    def change_alias(self, name: str, function_name: str, request: dict[str, Any]) -> Any:
        """Answer UpdateAlias; what the alias has provisioned follows it to its new version."""
        with self._settings_lock:
            self.get_alias(name, function_name)  # of a function that is not there, AWS misses the alias
            config = self.local(function_name).settings.provisioned.get(name)
            if config is not None:
                self._check_move(config, function_name, name, request)
            alias = super().change_alias(name, function_name, request)
            if config is not None:
                config.ask_for(config.requested, last_modified=config.last_modified)
        if config is not None:
            contexts.current().find_service(FunctionHost).provision(self.target(function_name, name))
        return alias

    def _check_move(self, config: Provisioned, name: str, alias: str, request: dict[str, Any]) -> None:
        """Refuse to move an alias to where what it has provisioned cannot follow."""
        validation.check_provisioned(weights_of(request.get("RoutingConfig")))
        wanted = request.get("FunctionVersion")
        if wanted:
            check_published(self.local(name, wanted))
            self._check_overlap(self.local(name, wanted), name, alias)
        if config.status == "FAILED":  # it has taken nothing since, and is asked for once more
            self._check_room(self.local(name), config.requested)
