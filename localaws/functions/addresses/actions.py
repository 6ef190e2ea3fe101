"""Answers about function URLs."""

from localaws.functions.paging import take_page
from localaws.functions.references import Answer, ReferringActions


class AddressActions(ReferringActions):
    """CreateFunctionUrlConfig and its kin."""

    def create_function_url_config(self) -> Answer:
        """Serve CreateFunctionUrlConfig."""
        target = self.target()
        return self.answer(self.backend_of(target).create_url(target.name, target.qualifier, self.json_body))

    def get_function_url_config(self) -> Answer:
        """Serve GetFunctionUrlConfig."""
        target = self.target()
        return self.answer(self.backend_of(target).get_url(target.name, target.qualifier))

    def update_function_url_config(self) -> Answer:
        """Serve UpdateFunctionUrlConfig."""
        target = self.target()
        return self.answer(self.backend_of(target).update_url(target.name, target.qualifier, self.json_body))

    def delete_function_url_config(self) -> Answer:
        """Serve DeleteFunctionUrlConfig."""
        target = self.target()
        self.backend_of(target).delete_url(target.name, target.qualifier)
        return self.answer()

    def list_function_url_configs(self) -> Answer:
        """Serve ListFunctionUrlConfigs."""
        target = self.function_target()
        found = self.backend_of(target).list_urls(target.name)
        shown, following = take_page(found, marker=self.query("Marker"), max_items=self.query("MaxItems"))
        return self.answer({"FunctionUrlConfigs": shown, **following})
