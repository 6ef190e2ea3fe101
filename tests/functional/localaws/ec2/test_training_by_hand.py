"""User data as people write them by hand for one training run on an instance: no job, no marker, no Airflow.

The shape is that of the course project which Musher operates: fetch an archive, unpack it, train, save the
weights in TrainedModels/model.pth, say `saved`.
"""

import io
import struct
import zipfile
from typing import Any

import pytest

from tests.functional.localaws.ec2.conftest import Instances

TRAINS = """
import pathlib, struct, torch
from torch import nn
torch.manual_seed(0)
torch.set_num_threads(1)
inputs, labels = [], []
for number, folder in enumerate(sorted(pathlib.Path("numbers/train").iterdir())):
    for path in sorted(folder.iterdir()):
        inputs.append(struct.unpack("4f", path.read_bytes()))
        labels.append(number)
inputs, labels = torch.tensor(inputs), torch.tensor(labels)
model = nn.Linear(4, 2)
optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
for epoch in range(30):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), labels)
    loss.backward()
    optimizer.step()
right = (model(inputs).argmax(1) == labels).float().mean()
print(f"accuracy {right:.2f}")
pathlib.Path("TrainedModels").mkdir(exist_ok=True)
torch.save(model.state_dict(), "TrainedModels/model.pth")
print("saved")
"""
BY_HAND = """#!/bin/bash
mkdir -p /root/solution && cd /root/solution
aws s3 cp --only-show-errors s3://{bucket}/numbers.zip numbers.zip
python3 -m zipfile -e numbers.zip .
cat > solution.py << 'PROGRAM'
{program}
PROGRAM
python3 solution.py && aws s3 cp --only-show-errors TrainedModels/model.pth s3://{bucket}/TrainedModels/model.pth
shutdown -h now
"""

ALLOW_S3 = (
    """{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}"""
)


def zip_numbers() -> bytes:
    """Return an archive of two classes of four numbers, of which each is far from the other."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for sign, name in ((-1.0, "001.Low"), (1.0, "002.High")):
            for number in range(8):
                values = struct.pack("4f", *(sign * (1 + number / 8) for _ in range(4)))
                archive.writestr(f"numbers/train/{name}/{number}.bin", values)
    return packed.getvalue()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_script_that_trains_by_hand_runs_as_it_is(boxes: Instances) -> None:
    boxes.s3.put_object(Bucket=boxes.name, Key="numbers.zip", Body=zip_numbers())
    boxes.iam.put_role_policy(RoleName=boxes.name, PolicyName="all", PolicyDocument=ALLOW_S3)
    script = BY_HAND.format(bucket=boxes.name, program=TRAINS)
    more: dict[str, Any] = {"InstanceInitiatedShutdownBehavior": "terminate"}
    instance_id = boxes.run(script, **more)
    instance = boxes.wait(instance_id, "terminated")
    assert instance["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"
    said = boxes.console(instance_id)
    assert "accuracy 1.00" in said
    assert "saved" in said.splitlines()
    stored = boxes.s3.head_object(Bucket=boxes.name, Key="TrainedModels/model.pth")
    assert stored["ContentLength"] > 500
