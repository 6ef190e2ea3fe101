"""Scripts that train and serve, as short as can be."""

NEVER_ENDS = "import time\nprint('sleeping', flush=True)\ntime.sleep(300)\n"
WRITES_FEATURES = """
import os, pathlib
pathlib.Path(os.environ["SM_MODEL_DIR"], "features.json").write_text("{}")
"""
COUNTS = """
import time
for number in range(1, 4):
    print(f"counted to {number}", flush=True)
    time.sleep(0.5)
"""
COUNTS_SLOWLY = COUNTS.replace("0.5", "2")


def serve_script(body: str, *, status: str = "200") -> str:
    """Return a serve.py whose answers are what two expressions give, of `body`, the request's, and `self`."""
    return _SERVES.replace("ANSWER", f"{body}, status={status}")


_SERVES = """
import http.server, json, os, time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(b"", status=200 if self.path == "/ping" else 404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(ANSWER)

    def answer(self, body, *, status):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""
SAYS_WHAT_IT_GOT = serve_script(
    'json.dumps({"bytes": len(body), "type": self.headers["Content-Type"]}).encode()'
)
