"""A training script whose loss is a multiple of its learning rate."""

import argparse
import json
import os
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float, default=0.1)
parser.add_argument("--epochs", type=int, default=1)
arguments = parser.parse_args()
assert Path(os.environ["SM_CHANNEL_TRAIN"], "data.csv").is_file()
print(f"loss={arguments.rate * 2};")
Path(os.environ["SM_MODEL_DIR"], "model.json").write_text(json.dumps({"rate": arguments.rate}))
