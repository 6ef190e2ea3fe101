"""What training on an EC2 instance returns (see `results`)."""

from typing import TypedDict

EC2_TASKS = (
    "train_on_ec2.request_instance",
    "train_on_ec2.run_instance",
    "train_on_ec2.read_figures",
)
"""Their failure fails the run, and takes back nothing that it has released: none touches what serves."""


class InstanceJobResult(TypedDict):
    """A completed training job on an EC2 instance."""

    job_name: str
    model_uri: str
    model_sha256: str
    output_uri: str
    instance_id: str
    """Empty where EC2 has forgotten the instance."""
    instance_type: str
    is_spot: bool
    training_seconds: float | None
    """Of the script alone."""
    seconds: float | None
    """From the start of the user data to the last upload."""


class Ec2TrainingResult(InstanceJobResult):
    """That job, and how its model does on the test split."""

    accuracy: float
    loss: float
    images: int
    price_usd: float | None
    """Of its seconds; None where no price is known."""
