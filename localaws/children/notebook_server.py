"""The Jupyter server of a notebook instance, with two ways in.

Inside, on port 8443 with TLS, nobody is asked who they are, as on AWS. Browsers come by another port, and
need a session: the URL of CreatePresignedNotebookInstanceUrl gives them one, as a cookie. Needs
jupyter-server, and the standard library. https://jupyter-server.readthedocs.io/en/latest/operators/security.html
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.auth.identity import IdentityProvider, User
from jupyter_server.serverapp import ServerApp
from tornado.httpserver import HTTPServer
from tornado.web import HTTPError, RequestHandler

COOKIE = "localaws-notebook"
BROWSER_HEADERS = ("Origin", "Sec-Fetch-Site", "Referer")
"""Headers of browsers, which have no business at the port inside."""
FOREIGN_SITES = ("cross-site", "same-site")
NO_SESSION = "no session, or one that has ended: open the URL of CreatePresignedNotebookInstanceUrl"
BOOT = Path(__file__).with_name("boot.json")
"""What localaws wrote."""


def sign(key: str, kind: str, text: str) -> str:
    """Return the signature of a text for one purpose."""
    return hmac.new(key.encode(), f"{kind}:{text}".encode(), hashlib.sha256).hexdigest()


def read_signed(key: str, kind: str, value: str, *, now_s: float) -> dict[str, Any] | None:
    """Return what a signed text says; None where it is not ours, or over."""
    text, _, signature = value.rpartition(".")
    if not hmac.compare_digest(signature.encode(), sign(key, kind, text).encode()):
        return None
    facts: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text))
    return facts if now_s < facts["until"] else None


def write_signed(key: str, kind: str, facts: dict[str, Any]) -> str:
    """Return facts as a signed text."""
    text = base64.urlsafe_b64encode(json.dumps(facts).encode()).decode()
    return f"{text}.{sign(key, kind, text)}"


class SessionHandler(RequestHandler):
    """Where the presigned URL leads: it makes a session of it."""

    @allow_unauthenticated
    def get(self) -> None:
        """Set the cookie, and lead to an address without the text."""
        key = self.settings["localaws_key"]
        facts = read_signed(key, "url", self.get_argument("authToken", ""), now_s=time.time())
        self.set_header("Cache-Control", "no-store")
        self.set_header("Referrer-Policy", "no-referrer")
        if facts is None:
            self.set_status(403)
            self.finish("This URL is not valid, or not any more.\n")
            return
        session_s = facts["session"]
        value = write_signed(key, "session", {"until": time.time() + session_s})
        self.set_cookie(
            COOKIE, value, httponly=True, samesite="Lax", max_age=max(1, round(session_s)), path="/"
        )
        self.redirect("/")


class InstanceIdentity(IdentityProvider):
    """Who asks: whoever is inside, or a browser with a session."""

    @property
    def auth_enabled(self) -> bool:
        """Whether somebody is asked who they are."""
        return True

    @property
    def login_available(self) -> bool:
        """Whether there is a page to log in: there is none."""
        return False

    def get_user(self, handler: Any) -> User:
        """Return the one user; raises HTTPError where a request has no right to come in."""
        request = handler.request
        user = User("ec2-user")
        if request.protocol == "https":
            if any(name in request.headers for name in BROWSER_HEADERS):
                raise HTTPError(403, "browsers come by CreatePresignedNotebookInstanceUrl")
            handler._token_authenticated = True  # no page can have sent it: see above
            return user
        if request.headers.get("Sec-Fetch-Site") in FOREIGN_SITES and not is_visit(request):
            raise HTTPError(403, "a page of another site asks")
        cookie = handler.get_cookie(COOKIE, "")
        key = handler.settings["localaws_key"]
        if read_signed(key, "session", cookie, now_s=time.time()) is None:
            raise HTTPError(403, NO_SESSION)
        return user


def is_visit(request: Any) -> bool:
    """Tell whether a browser opens a page in a window of its own, as it does after the session began."""
    return bool(request.method == "GET" and request.headers.get("Sec-Fetch-Mode") == "navigate")


class NotebookServer(ServerApp):
    """Jupyter's server, which listens for browsers, too."""

    def init_httpserver(self) -> None:
        """Make both servers."""
        document = json.loads(BOOT.read_text())
        self.web_app.settings["localaws_key"] = document["key"]
        application: Any = self.web_app
        application.add_handlers(".*$", [(r"/session", SessionHandler)])
        super().init_httpserver()
        self.door = HTTPServer(self.web_app, xheaders=False)
        address = document["address"]
        self.io_loop.add_callback(lambda: self.door.listen(document["door_port"], address))


def options(document: dict[str, Any]) -> list[str]:
    """Return the command line, which wins over files of the user's."""
    return [
        f"--ServerApp.ip={document['address']}",
        f"--ServerApp.port={document['port']}",
        "--ServerApp.port_retries=0",
        "--ServerApp.certfile=/root/jupyter.pem",
        "--ServerApp.keyfile=/root/jupyter.pem",
        "--ServerApp.root_dir=/home/ec2-user/SageMaker",
        "--ServerApp.open_browser=False",
        "--ServerApp.allow_root=True",
        "--ServerApp.allow_remote_access=False",
        "--ServerApp.allow_unauthenticated_access=False",
        "--ServerApp.quit_button=False",
        "--ServerApp.identity_provider_class=__main__.InstanceIdentity",
        "--IdentityProvider.token=",
    ]


def main() -> None:
    """Serve, until SIGTERM."""
    folder = str(Path(sys.prefix, "bin"))
    os.environ["PATH"] = os.pathsep.join([folder, os.environ.get("PATH", os.defpath)])
    NotebookServer.launch_instance(argv=options(json.loads(BOOT.read_text())))


if __name__ == "__main__":
    main()
