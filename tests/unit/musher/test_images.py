"""Training images: the right one for region and instance type, and the file equal to SageMaker's SDK."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from musher import images
from musher.errors import SettingsError

ROOT = Path(__file__).parents[3]
COLLECT = "import json; from scripts.update_image_uris import collect; print(json.dumps(collect()))"
SDK_S = 100


@pytest.mark.parametrize(
    ("instance_type", "processor"),
    [
        ("ml.m5.xlarge", "cpu"),
        ("ml.c7i.large", "cpu"),
        ("ml.r5d.4xlarge", "cpu"),
        ("ml.g4dn.xlarge", "gpu"),
        ("ml.g6e.2xlarge", "gpu"),
        ("ml.p3.2xlarge", "gpu"),
        ("ml.p5en.48xlarge", "gpu"),
    ],
)
def test_an_instance_with_a_gpu_gets_the_image_with_cuda(instance_type: str, processor: str) -> None:
    image = images.training_image(region="eu-west-1", instance_type=instance_type)
    assert image.startswith("763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch-training:")
    assert f"-{processor}-" in image


@pytest.mark.parametrize(
    ("region", "start"),
    [
        ("af-south-1", "626614931356.dkr.ecr.af-south-1.amazonaws.com/"),
        ("cn-north-1", "727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/"),
    ],
)
def test_regions_have_registries_of_their_own(region: str, start: str) -> None:
    assert images.training_image(region=region, instance_type="ml.m5.large").startswith(start)


def test_an_unknown_region_is_refused_with_the_known_ones() -> None:
    with pytest.raises(
        SettingsError, match=r"MUSHER_REGION is 'xx-moon-1'.*us-east-1.*MUSHER_TRAINING_IMAGE"
    ):
        images.training_image(region="xx-moon-1", instance_type="ml.m5.large")


@pytest.mark.slow
def test_the_file_is_what_the_sdk_says(tmp_path: Path) -> None:
    """Compare; where they differ, `make image-uris` writes the file anew."""
    done = subprocess.run(
        [sys.executable, "-c", COLLECT],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=SDK_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == json.loads(images.FILE.read_text())
