"""The pages that stand in for a report, and the headers that every page is sent with. Pure."""

from html import escape

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ max-width: 44em; margin: 12vh auto; padding: 0 20px; font: 15px/1.6 system-ui, sans-serif; }}
h1 {{ font-size: 21px; }}
p {{ overflow-wrap: anywhere; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{text}</p>
</body>
</html>
"""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox",
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}
"""A report is generated from class and file names that others chose, and whoever writes to the bucket can
write one: it runs no script, loads nothing, and has no part in the UI's origin. Its links to the console
open where the page is shown by itself; the UI's own frame lets none out.
"""

NOT_YET = {
    "queued": "The run waits for its first task. The report is written at its end.",
    "running": "The run is under way. The report is written at its end: open this tab again then.",
    "success": "The run succeeded without one: its DAG writes no report, or the report was deleted.",
    "failed": "The run failed before one could be written: the failed task's log has the reason.",
}


def explain_missing(state: str) -> str:
    """Return why a run in this state has no report."""
    return NOT_YET.get(state, f"The run is in state {state}.")


def render_message(*, title: str, text: str) -> str:
    """Return a page of a title and a paragraph, both plain text."""
    return PAGE.format(title=escape(title), text=escape(text))
