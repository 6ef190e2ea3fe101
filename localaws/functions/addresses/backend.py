"""Function URLs: one for a function, and one for each alias that has its own."""

from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException

from localaws import context as contexts
from localaws.functions.addresses.spec import FunctionUrl, check_request
from localaws.functions.arns import LATEST
from localaws.functions.concurrency.backend import ConcurrencyMixin
from localaws.functions.configuration import lambda_time
from localaws.functions.errors import ConflictError, NotFoundError


class AddressesMixin(ConcurrencyMixin):
    """Overrides moto's function URLs."""

    def _urls(self, name: str, qualifier: str | None) -> dict[str, FunctionUrl]:
        """Return a function's URLs. Raises NotFoundError where the function or alias is not there."""
        try:
            return self.local(name, qualifier).settings.urls
        except UnknownFunctionException as error:
            raise NotFoundError("Function does not exist") from error

    def create_url(self, name: str, qualifier: str | None, request: dict[str, Any]) -> dict[str, Any]:
        """Answer CreateFunctionUrlConfig."""
        check_request(request)
        urls, key = self._urls(name, qualifier), qualifier or LATEST
        arn = self.target(name, qualifier).arn()
        if key in urls:
            raise ConflictError(
                f"Failed to create function url config for [functionArn = {arn}]. "
                "Error message:  FunctionUrlConfig exists for this Lambda function"
            )
        now = lambda_time(contexts.current().clock.now())
        urls[key] = FunctionUrl(
            qualifier=key,
            auth_type=request["AuthType"],
            created=now,
            last_modified=now,
            cors=request.get("Cors") or {},
            invoke_mode=request.get("InvokeMode"),
        )
        answer = self._describe_url(name, urls[key])
        answer.pop("LastModifiedTime")
        return answer

    def _describe_url(self, name: str, url: FunctionUrl) -> dict[str, Any]:
        qualifier = None if url.qualifier == LATEST else url.qualifier
        base = contexts.current().endpoint_url
        return url.describe(arn=self.target(name, qualifier).arn(), base=base)

    def _known_url(self, name: str, qualifier: str | None) -> FunctionUrl:
        function = self.find_latest(name)
        url = function.settings.urls.get(qualifier or LATEST) if function else None
        if url is None:
            raise NotFoundError()
        return url

    def get_url(self, name: str, qualifier: str | None) -> dict[str, Any]:
        """Answer GetFunctionUrlConfig."""
        return {"InvokeMode": "BUFFERED"} | self._describe_url(name, self._known_url(name, qualifier))

    def update_url(self, name: str, qualifier: str | None, request: dict[str, Any]) -> dict[str, Any]:
        """Answer UpdateFunctionUrlConfig."""
        check_request(request)
        url = self._known_url(name, qualifier)
        url.change(request, now=lambda_time(contexts.current().clock.now()))
        return self._describe_url(name, url)

    def delete_url(self, name: str, qualifier: str | None) -> None:
        """Answer DeleteFunctionUrlConfig."""
        self._known_url(name, qualifier)
        self.local(name).settings.urls.pop(qualifier or LATEST)

    def list_urls(self, name: str) -> list[dict[str, Any]]:
        """Answer ListFunctionUrlConfigs."""
        urls = self._urls(name, None)
        return [{"InvokeMode": "BUFFERED"} | self._describe_url(name, url) for url in urls.values()]

    def find_url(self, url_id: str) -> tuple[str, FunctionUrl] | None:
        """Return a function's name and its URL with an id, or None."""
        for function in self._all_latest():
            for url in function.settings.urls.values():
                if url.id == url_id:
                    return str(function.function_name), url
        return None
