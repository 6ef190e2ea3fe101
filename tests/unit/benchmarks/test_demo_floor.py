"""What counts as the floor of the demo's time."""

import json
from pathlib import Path

from benchmarks.demo import read_jobs


def test_the_floor_holds_what_aws_works_and_nothing_of_ours(tmp_path: Path) -> None:
    stages = {
        "stage_dataset": {"seconds": 3.0, "billed_seconds": None},
        "tune": {"seconds": 11.0, "billed_seconds": 20.0},
        "train": {"seconds": 13.0, "billed_seconds": 26.0},
        "evaluate": {"seconds": 0.3, "billed_seconds": None},
        "deploy": {"seconds": 2.5, "billed_seconds": None},
        "deploy_lambda": {"seconds": 0.4, "billed_seconds": None},
        "smoke_test": {"seconds": 2.4, "billed_seconds": 0.5},
    }
    (tmp_path / "summary.json").write_text(json.dumps({"stages": stages}))
    assert read_jobs({"report": str(tmp_path / "report.html")}) == {
        "tune": 11.0,
        "train": 13.0,
        "deploy": 2.5,
        "deploy_lambda": 0.4,
        "smoke_test": 0.5,
    }
