"""Answers about reserved and provisioned concurrency."""

from localaws.functions.arns import Target
from localaws.functions.paging import take_page
from localaws.functions.references import Answer, ReferringActions


class ConcurrencyActions(ReferringActions):
    """PutFunctionConcurrency, PutProvisionedConcurrencyConfig, GetAccountSettings and their kin."""

    def get_account_settings(self) -> Answer:
        """Serve GetAccountSettings."""
        own = Target(account_id=self.current_account, region=self.region, name="")
        return self.answer(self.backend_of(own).account_settings())

    def put_function_concurrency(self) -> Answer:
        """Serve PutFunctionConcurrency."""
        target, wanted = self.function_target(), self.json_body["ReservedConcurrentExecutions"]
        reserved = self.backend_of(target).put_function_concurrency(target.name, wanted)
        return self.answer({"ReservedConcurrentExecutions": int(reserved)})

    def get_function_concurrency(self) -> Answer:
        """Serve GetFunctionConcurrency: nothing, where nothing is reserved."""
        target = self.function_target()
        reserved = self.backend_of(target).local(target.name).reserved_concurrency
        return self.answer({} if reserved is None else {"ReservedConcurrentExecutions": int(reserved)})

    def delete_function_concurrency(self) -> Answer:
        """Serve DeleteFunctionConcurrency."""
        target = self.function_target()
        self.backend_of(target).local(target.name).reserved_concurrency = None
        return self.answer()

    def put_provisioned_concurrency_config(self) -> Answer:
        """Serve PutProvisionedConcurrencyConfig."""
        target, wanted = self.target(), int(self.json_body["ProvisionedConcurrentExecutions"])
        return self.answer(self.backend_of(target).put_provisioned(target.name, target.qualifier, wanted))

    def get_provisioned_concurrency_config(self) -> Answer:
        """Serve GetProvisionedConcurrencyConfig."""
        target = self.target()
        return self.answer(self.backend_of(target).get_provisioned(target.name, target.qualifier))

    def delete_provisioned_concurrency_config(self) -> Answer:
        """Serve DeleteProvisionedConcurrencyConfig."""
        target = self.target()
        self.backend_of(target).delete_provisioned(target.name, target.qualifier)
        return self.answer()

    def list_provisioned_concurrency_configs(self) -> Answer:
        """Serve ListProvisionedConcurrencyConfigs."""
        target = self.function_target()
        found = self.backend_of(target).list_provisioned(target.name)
        shown, following = take_page(found, marker=self.query("Marker"), max_items=self.query("MaxItems"))
        return self.answer({"ProvisionedConcurrencyConfigs": shown, **following})
