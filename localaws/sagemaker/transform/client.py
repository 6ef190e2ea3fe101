"""Send one request after the other to a model's container, as the platform does in a transform job."""

import http.client
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localaws.errors import JobError
from localaws.sagemaker.endpoints.instance import Instance
from localaws.sagemaker.failures import algorithm_error, client_error

SEE_LOGS = "See job logs for more information"
POLL_S = 0.02
"""Real seconds between two looks at an instance that is not healthy."""
PARAMETERS_S = 2.0
"""Real seconds for GET /execution-parameters."""
BODY_CHARACTERS = 1000
"""Of a container's error, kept in the log."""


@dataclass(frozen=True, kw_only=True)
class ModelClient:
    """The client of one instance. Used by several threads at once."""

    instance: Instance
    headers: Mapping[str, str]
    timeout_s: float
    """Real seconds for an answer, whatever the speed: a model's computing is not sped up."""
    retries: int
    cancel: threading.Event
    log: Callable[[str], None]

    def send(self, payload: bytes, *, name: str) -> bytes:
        """Return the answer to a request about the object `name`; raises JobError once no try is left."""
        problem = ""
        for _ in range(1 + self.retries):
            if not self._wait_until_healthy():
                break
            try:
                status, body = self._post(payload)
            except (OSError, http.client.HTTPException) as error:
                problem = f"{type(error).__name__}: {error}"
                self.log(f"[sagemaker logs]: {name}: Unable to get response from algorithm: {problem}")
                continue
            if status == 200:
                return body
            self.log(f"[sagemaker logs]: {name}: Bad HTTP status received from algorithm: {status}")
            self.log(f"[sagemaker logs]: {name}: {body[:BODY_CHARACTERS].decode(errors='replace')}")
            if status < 500:
                raise JobError(client_error(SEE_LOGS))
        raise JobError(algorithm_error(SEE_LOGS))

    def _wait_until_healthy(self) -> bool:
        """Wait for an instance that is started again; return False where the job is over."""
        while not self.instance.is_healthy:
            if self.cancel.wait(POLL_S):
                return False
        return not self.cancel.is_set()

    def _post(self, payload: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.instance.port, timeout=self.timeout_s)
        try:
            connection.request("POST", "/invocations", body=payload, headers=dict(self.headers))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def ask_parameters(port: int) -> Mapping[str, Any]:
    """Return what a container answers to GET /execution-parameters; nothing where it has no such page."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PARAMETERS_S)
    try:
        connection.request("GET", "/execution-parameters")
        answer = connection.getresponse()
        found = json.loads(answer.read()) if answer.status == 200 else {}
    except (OSError, http.client.HTTPException, ValueError, RecursionError):
        return {}
    finally:
        connection.close()
    return found if isinstance(found, dict) else {}
