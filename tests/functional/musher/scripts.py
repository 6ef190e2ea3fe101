"""Training scripts, as short as can be."""

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

SAYS_WHAT_IT_GOT = """
import http.server, json, os


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(b"", status=200 if self.path == "/ping" else 404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(json.dumps({"bytes": len(body), "type": self.headers["Content-Type"]}).encode())

    def answer(self, body, status=200):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


port = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""
