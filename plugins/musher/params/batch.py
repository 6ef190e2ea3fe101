"""Section "Batch" of the form: images that are classified in one go, without an endpoint."""

from musher.params.section import in_section
from musher.payloads.choices import TEST_SPLIT

BATCH = in_section(
    "Batch",
    {
        "batch_input": {
            "title": "Images to classify in one go",
            "default": None,
            "type": ["null", "string"],
            "pattern": rf"^({TEST_SPLIT}|s3://[^/]+/.+)$",
            "examples": [TEST_SPLIT, "s3://bucket/photos/"],
            "description": "The approved model classifies them in a batch transform job beside the "
            "deployment, on as many instances as the endpoint has: `test`, the test split's images, or all "
            "objects whose address begins so, images of 6 MiB at most and nothing else. The answers stay in "
            "the project's bucket. A job that fails fails the run, and takes back what was released. "
            "Empty: none.",
        },
    },
)
