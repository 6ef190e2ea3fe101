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
