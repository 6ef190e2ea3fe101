"""Answers about settings of asynchronous invocations."""

from localaws.functions.paging import take_page
from localaws.functions.references import Answer, ReferringActions


class EventActions(ReferringActions):
    """PutFunctionEventInvokeConfig and its kin."""

    def put_function_event_invoke_config(self) -> Answer:
        """Serve PutFunctionEventInvokeConfig."""
        target = self.target()
        backend = self.backend_of(target)
        return self.answer(backend.put_event_config(target.name, target.qualifier, self.json_body))

    def update_function_event_invoke_config(self) -> Answer:
        """Serve UpdateFunctionEventInvokeConfig."""
        target = self.target()
        backend = self.backend_of(target)
        return self.answer(backend.update_event_config(target.name, target.qualifier, self.json_body))

    def get_function_event_invoke_config(self) -> Answer:
        """Serve GetFunctionEventInvokeConfig."""
        target = self.target()
        return self.answer(self.backend_of(target).get_event_config(target.name, target.qualifier))

    def delete_function_event_invoke_config(self) -> Answer:
        """Serve DeleteFunctionEventInvokeConfig."""
        target = self.target()
        self.backend_of(target).delete_event_config(target.name, target.qualifier)
        return self.answer()

    def list_function_event_invoke_configs(self) -> Answer:
        """Serve ListFunctionEventInvokeConfigs."""
        target = self.function_target()
        found = self.backend_of(target).list_event_configs(target.name)
        shown, following = take_page(found, marker=self.query("Marker"), max_items=self.query("MaxItems"))
        return self.answer({"FunctionEventInvokeConfigs": shown, **following})
