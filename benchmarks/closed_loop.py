"""The load test that others run: one request after another. It shows what an open loop is for."""

import http.client
import time
from urllib.parse import urlsplit


def measure_closed_loop(url: str, *, rate: float, duration_s: float) -> dict[str, float]:
    """Ask at `rate` a second where answers allow it, over one connection; return percentiles in ms."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    started, took_s = time.perf_counter(), []
    while (sent := time.perf_counter()) - started < duration_s:
        connection.request("GET", parts.path)
        connection.getresponse().read()
        took_s.append(time.perf_counter() - sent)
        time.sleep(max(0.0, 1 / rate - took_s[-1]))
    connection.close()
    took_s.sort()
    return {f"p{share}_ms": took_s[int(len(took_s) * share / 100)] * 1000 for share in (50, 99)}
