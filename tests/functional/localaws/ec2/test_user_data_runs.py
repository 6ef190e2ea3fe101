"""User data really run, as the instance's role, and an instance can end itself."""

from pathlib import Path
from typing import Any

import requests

WRITES_AND_ENDS = """#!/bin/sh
set -e
python3 -c "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])" | {put}
/sbin/shutdown -h now
"""


def test_user_data_write_with_the_role_and_end_the_instance(boxes: Any) -> None:
    script = WRITES_AND_ENDS.format(put=boxes.put("who"))
    instance_id = boxes.run(script, InstanceInitiatedShutdownBehavior="terminate")
    ended = boxes.wait(instance_id, "terminated")
    assert ended["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"
    assert boxes.read("who").strip().endswith(f":assumed-role/{boxes.name}/{instance_id}")
    assert not [child for child in boxes.aws.children() if instance_id in child["name"]]


def test_a_shutdown_from_inside_only_stops_by_default(boxes: Any) -> None:
    instance_id = boxes.run("#!/bin/sh\npoweroff\n")
    ended = boxes.wait(instance_id, "stopped")
    shown = requests.get(f"{boxes.aws.url}/_localaws/status", timeout=60).json()["machines"]
    (row,) = [row for row in shown if row["name"] == instance_id]
    assert (row["status"], row["type"], row["pid"]) == ("stopped", "m5.xlarge", 0)
    assert ended["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"
    boxes.end(instance_id)
    assert boxes.describe(instance_id)["StateReason"]["Code"] == "Client.UserInitiatedShutdown"


def test_a_script_that_fails_leaves_the_instance_running(boxes: Any) -> None:
    instance_id = boxes.run("#!/bin/sh\necho before; exit 3\n")
    output = boxes.wait_for_line(instance_id, "Cloud-init finished.")
    assert "before" in output
    assert "Failed to run /var/lib/cloud/instance/scripts/part-001 [3]" in output
    assert boxes.describe(instance_id)["State"]["Name"] == "running"
    boxes.end(instance_id)


OWN = [Path("/", name) for name in ("opt", "home", "tmp", "root", "etc", "var", "var/log")]
FOREIGN = [Path("/", name) for name in ("", "usr", "usr/sbin", "sys", "srv", "mnt", "run/localaws")]
ATTEMPTS = """#!/bin/sh
for path in {own}; do touch $path/mark-of-{name} || echo "no $path"; done
for path in {foreign}; do touch $path/mark-of-{name} 2>/dev/null && echo "wrote $path"; done
ls {data} 2>/dev/null | sed 's/^/saw /'
ls /dev | tr '\\n' ' '
umount /opt 2>/dev/null && echo unmounted
"""


def test_an_instance_has_folders_of_its_own_and_writes_nowhere_else(boxes: Any) -> None:
    data = next(Path("/tmp").glob("localaws-*"))
    own, foreign = (" ".join(map(str, folders)) for folders in (OWN, FOREIGN))
    script = ATTEMPTS.format(own=own, foreign=foreign, data=data, name=boxes.name)
    instance_id = boxes.run(script)
    output = boxes.wait_for_line(instance_id, "Cloud-init finished.")
    for wrong in ("wrote ", "no /", "saw ", "unmounted", " sda", " vda", " pts "):
        assert wrong not in output
    assert not [folder for folder in (*OWN, *FOREIGN) if (folder / f"mark-of-{boxes.name}").exists()]
    boxes.end(instance_id)
