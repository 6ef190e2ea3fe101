"""A processing script: the data in capitals."""

import sys
from pathlib import Path

assert sys.argv[1:] == ["--case", "upper"]
data = Path("/opt/ml/processing/input/data.csv").read_text()
Path("/opt/ml/processing/output/result.csv").write_text(data.upper())
