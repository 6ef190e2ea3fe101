"""Section "EC2" of the form: training on an instance of one's own, beside or instead of SageMaker's."""

from musher.params.data import DATA
from musher.params.instances import INSTANCES
from musher.params.model import MODEL
from musher.params.section import in_section, order
from musher.params.training import TRAINING

AMAZON_LINUX = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
DEEP_LEARNING = (
    "/aws/service/deeplearning/ami/x86_64/oss-nvidia-driver-gpu-pytorch-2.10-ubuntu-24.04/latest/ami-id"
)

EC2_TYPE = r"^[a-z][a-z0-9-]*\.[a-z0-9-]+$"
IMAGE = r"^/aws/service/[A-Za-z0-9/_.-]+$"

EC2_INSTANCE = in_section(
    "EC2",
    {
        "ec2_instance_type": {
            "title": "Instance type",
            "default": "m5.xlarge",
            "type": "string",
            "pattern": EC2_TYPE,
            "examples": ["m5.xlarge", "c5.xlarge", "g4dn.xlarge"],
            "description": "Type of the one instance, without SageMaker's `ml.`.",
        },
        "ec2_image": {
            "title": "Image",
            "default": AMAZON_LINUX,
            "type": "string",
            "pattern": IMAGE,
            "examples": [AMAZON_LINUX, DEEP_LEARNING],
            "description": "AWS's parameter that names the newest image. It needs the aws command; torch is "
            "installed where it is missing. For a GPU take a Deep Learning AMI.",
        },
        "ec2_volume_gb": {
            "title": "Disk (GiB)",
            "default": 40,
            "type": "integer",
            "minimum": 8,
            "maximum": 2000,
            "description": "Size of the encrypted disk, for the image, the packages, the data and the model.",
        },
        "ec2_use_spot": {
            "title": "Spare capacity (spot)",
            "default": False,
            "type": "boolean",
            "description": "Use spare capacity, which is cheaper and may be taken away: the next instance "
            "goes on from the last checkpoint.",
        },
    },
)

EC2 = {
    **in_section(
        "EC2",
        {
            "train_on_ec2": {
                "title": "Train on an EC2 instance, too",
                "default": False,
                "type": "boolean",
                "description": "Train the same once more on an EC2 instance, beside the SageMaker job, and "
                "show both in the report. Needs the stack's parameter `Ec2Vpc`. It is the SageMaker "
                "job's model that is deployed.",
            },
        },
    ),
    **EC2_INSTANCE,
}

TRAIN_ON_EC2 = order(
    {**DATA, **MODEL, **TRAINING, **EC2_INSTANCE, "max_runtime_s": INSTANCES["max_runtime_s"]}
)
"""Every Param of the DAG that trains on EC2 alone."""
