"""Make musher, imgclf and the Lambda's module importable for `python -m benchmarks.<name>`."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

for folder in ("plugins", "training", "lambda"):
    if str(ROOT / folder) not in sys.path:
        sys.path.append(str(ROOT / folder))
