"""Keep reports beyond the embedded AWS, which holds its objects in memory."""

import re
from pathlib import Path
from typing import Any

from scripts.local_stack import BUCKET, PROJECT

PREFIX = f"{PROJECT}/reports/"
KINDS = {"report.html": "text/html; charset=utf-8", "summary.json": "application/json"}
RUN = re.compile(r"[0-9a-f]{32}")
"""The digits that stand for a run. Nothing else is copied: a key is no path."""


def save_reports(s3: Any, *, folder: Path) -> int:
    """Copy what is new under the bucket's reports into `folder`; return how many files were new."""
    new = 0
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=PREFIX)
    for item in (item for page in pages for item in page.get("Contents", [])):
        run, _, name = item["Key"].removeprefix(PREFIX).partition("/")
        target = folder / run / name
        if not RUN.fullmatch(run) or name not in KINDS:
            continue
        if target.exists() and target.stat().st_mtime >= item["LastModified"].timestamp():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}")
        partial.write_bytes(s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read())
        partial.replace(target)
        new += 1
    return new


def load_reports(s3: Any, *, folder: Path) -> int:
    """Put the reports in `folder` into the bucket; return of how many runs there are some."""
    runs = set()
    for path in sorted(folder.glob("*/*")):
        run, name = path.parent.name, path.name
        if name in KINDS:
            body = path.read_bytes()
            s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}{run}/{name}", Body=body, ContentType=KINDS[name])
            runs.add(run)
    return len(runs)
