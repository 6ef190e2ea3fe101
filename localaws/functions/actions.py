"""Answers about functions and versions."""

from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException

from localaws import context as contexts
from localaws.functions import arns
from localaws.functions.arns import LATEST, Target
from localaws.functions.configuration import listed
from localaws.functions.host import FunctionHost
from localaws.functions.paging import take_page
from localaws.functions.references import Answer, ReferringActions


class FunctionActions(ReferringActions):
    """CreateFunction and its kin."""

    def create_function(self) -> Answer:
        """Serve CreateFunction."""
        return self.answer(self._own_backend().describe_new_function(self.json_body))

    def _own_backend(self) -> Any:
        return self.backend_of(Target(account_id=self.current_account, region=self.region, name=""))

    def get_function(self) -> Answer:
        """Serve GetFunction."""
        target = self.target()
        backend = self.backend_of(target)
        function = backend.local(target.name, target.qualifier)
        answer = function.get_code() | {"Configuration": qualified(function.get_configuration(), target)}
        reserved = backend.local(target.name).reserved_concurrency
        if reserved is not None:
            answer["Concurrency"] = {"ReservedConcurrentExecutions": int(reserved)}
        return self.answer(answer)

    def get_function_configuration(self) -> Answer:
        """Serve GetFunctionConfiguration."""
        target = self.target()
        function = self.backend_of(target).local(target.name, target.qualifier)
        return self.answer(qualified(function.get_configuration(), target))

    def update_function_code(self) -> Answer:
        """Serve UpdateFunctionCode."""
        target = self.function_target()
        return self.answer(self.backend_of(target).update_code(target.name, self.json_body))

    def update_function_configuration(self) -> Answer:
        """Serve UpdateFunctionConfiguration."""
        target = self.function_target()
        return self.answer(self.backend_of(target).update_settings(target.name, self.json_body))

    def delete_function(self) -> Answer:
        """Serve DeleteFunction."""
        target = self.target()
        self.backend_of(target).delete_function(target.name, target.qualifier)
        return self.answer()

    def publish_version(self) -> Answer:
        """Serve PublishVersion."""
        target = self.function_target()
        request = self.json_body if self.body else {}
        return self.answer(self.backend_of(target).publish(target.name, request).get_configuration())

    def list_functions(self) -> Answer:
        """Serve ListFunctions."""
        functions = self._own_backend().list_functions(self.query("FunctionVersion"))
        return self.page("Functions", [listed(function.get_configuration()) for function in functions])

    def list_versions_by_function(self) -> Answer:
        """Serve ListVersionsByFunction."""
        target = self.function_target()
        versions = self.backend_of(target).list_versions_by_function(target.name)
        return self.page("Versions", [listed(version.get_configuration()) for version in versions])

    def page(self, member: str, items: list[Any]) -> Answer:
        """Answer one page of a list."""
        shown, following = take_page(items, marker=self.query("Marker"), max_items=self.query("MaxItems"))
        return self.answer({member: shown, **following})

    def get_function_code_signing_config(self) -> Answer:
        """Serve GetFunctionCodeSigningConfig: nothing, where there is none."""
        target = self.function_target()
        found = self.backend_of(target).local(target.name).get_function_code_signing_config()
        return self.answer(found if found["CodeSigningConfigArn"] else {})

    def invoke_async(self) -> Answer:
        """Serve InvokeAsync, which the asynchronous Invoke has replaced."""
        target = self.target()
        self.backend_of(target).local(target.name, target.qualifier)
        host = contexts.current().find_service(FunctionHost)
        host.queue_from_thread(target, str(self.body or "{}").encode())
        return self.answer({"Status": 202})

    # -- tags --------------------------------------------------------------------------------------------

    def _tagged(self) -> Any:
        """Return the function of a tagging action; None where it is for an event source mapping."""
        self.action()
        arn = self.uri_match.get("Resource") or self.uri_match.get("ARN") or ""
        if ":function:" not in arn:
            return None
        target = self.resolve(arns.parse_reference(arn, qualifier=None))
        if target.qualifier is not None:
            raise InvalidParameterValueException(
                "Tags on function aliases and versions are not supported. Please specify a function ARN."
            )
        return self.backend_of(target).local(target.name)

    def list_tags(self) -> Any:
        """Serve ListTags."""
        function = self._tagged()
        return super().list_tags() if function is None else self.answer({"Tags": function.tags})

    def tag_resource(self) -> Any:
        """Serve TagResource."""
        function = self._tagged()
        if function is None:
            return super().tag_resource()
        function.tags = function.tags | self.json_body["Tags"]
        function.touch()
        return self.answer()

    def untag_resource(self) -> Any:
        """Serve UntagResource."""
        function = self._tagged()
        if function is None:
            return super().untag_resource()
        removed = self.querystring.get("tagKeys") or []
        function.tags = {key: value for key, value in function.tags.items() if key not in removed}
        function.touch()
        return self.answer()


def qualified(configuration: dict[str, Any], target: Target) -> dict[str, Any]:
    """Return a configuration under the name that it was asked for: AWS repeats the qualifier."""
    arn = target.arn() if target.qualifier else target.unqualified_arn()
    version = LATEST if target.qualifier in (None, LATEST) else configuration["Version"]
    return configuration | {"FunctionArn": arn, "Version": version}
