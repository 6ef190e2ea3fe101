"""What localaws reads before its first answer, in processes of their own: moto is changed as a whole."""

import subprocess
import sys

STARTED = """
import sys
import localaws.server
from localaws.assembly import install_backends
install_backends()
print(*sys.modules)
"""
PREPARED = """
from localaws.assembly import install_late
for service in ("sns", "cloudformation", "cloudformation", "applicationautoscaling"):
    install_late(service)
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.cloudformation.models import Stack
print(Stack.create_resources.__module__, ApplicationAutoScalingResponse.tag_resource.__module__)
"""


def run(program: str) -> list[str]:
    """Return the words that a Python program prints."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_services_that_need_most_others_are_left_for_their_first_request() -> None:
    """EC2's tables of instance types alone take longer than the rest of the start."""
    loaded = run(STARTED)
    assert not {"moto.ec2", "moto.cloudformation.parsing", "moto.ecs", "aiohttp"} & set(loaded)
    assert "moto.sagemaker.models" in loaded


def test_what_is_left_is_ours_before_its_first_request() -> None:
    """A service that is prepared twice is as if once; most need nothing."""
    assert run(PREPARED) == ["localaws.cloudformation.stacks", "localaws.autoscaling.actions"]
