"""Answers about event source mappings: moto's, for every form of a function's name."""

from typing import Any

from moto.awslambda.exceptions import InvalidParameterValueException, UnknownFunctionException

from localaws.functions import arns
from localaws.functions.arns import Target
from localaws.functions.errors import NotFoundError
from localaws.functions.paging import take_page
from localaws.functions.references import Answer, ReferringActions


class SourceActions(ReferringActions):
    """CreateEventSourceMapping and its kin."""

    def _named(self, text: str) -> tuple[Any, Target]:
        """Return the backend and the name of the function that a member or a parameter names."""
        target = self.resolve(arns.parse_reference(text, qualifier=None))
        return self.backend_of(target), target

    def create_event_source_mapping(self) -> Answer:
        """Serve CreateEventSourceMapping."""
        request = self.json_body
        backend, target = self._named(request["FunctionName"])
        try:
            backend.local(target.name, target.qualifier)
        except UnknownFunctionException as error:
            raise InvalidParameterValueException("Function does not exist") from error
        mapping = backend.create_event_source_mapping(request | {"FunctionName": shortest(target)})
        return self.answer(mapping.get_configuration())

    def update_event_source_mapping(self) -> Answer:
        """Serve UpdateEventSourceMapping."""
        request = self.json_body
        if "FunctionName" in request:
            _, target = self._named(request["FunctionName"])
            request = request | {"FunctionName": shortest(target)}
        self.action()
        mapping = self.backend.update_event_source_mapping(self.uri_match["UUID"], request)
        return self._describe(mapping)

    def get_event_source_mapping(self) -> Answer:
        """Serve GetEventSourceMapping."""
        self.action()
        return self._describe(self.backend.get_event_source_mapping(self.uri_match["UUID"]))

    def delete_event_source_mapping(self) -> Answer:
        """Serve DeleteEventSourceMapping."""
        self.action()
        mapping = self.backend.delete_event_source_mapping(self.uri_match["UUID"])
        return self._describe(mapping, State="Deleting")

    def _describe(self, mapping: Any, **more: str) -> Answer:
        if mapping is None:
            raise NotFoundError()
        return self.answer(mapping.get_configuration() | more)

    def list_event_source_mappings(self) -> Answer:
        """Serve ListEventSourceMappings."""
        name = self.query("FunctionName")
        wanted = shortest(self._named(name)[1]) if name else ""
        found = self.backend.list_event_source_mappings(self.query("EventSourceArn") or "", wanted)
        shown, following = take_page(
            [mapping.get_configuration() for mapping in found],
            marker=self.query("Marker"),
            max_items=self.query("MaxItems"),
        )
        return self.answer({"EventSourceMappings": shown, **following})


def shortest(target: Target) -> str:
    """Return the shortest name of what was named."""
    return f"{target.name}:{target.qualifier}" if target.qualifier else target.name
