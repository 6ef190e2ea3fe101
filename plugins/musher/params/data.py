"""Section "Data" of the form: which images."""

from musher.params.section import in_section

SOURCE = r"^(digits|s3://[^/]+/.+|https?://[^/]+/.+|file:///.+|/.+)$"

EXAMPLES = ["digits", "/photos", "/photos.zip", "s3://bucket/photos", "https://example.com/photos.zip"]

DATA = in_section(
    "Data",
    {
        "source": {
            "is_open": True,
            "examples": EXAMPLES,
            "default": "digits",
            "type": "string",
            "pattern": SOURCE,
            "title": "Data set",
            "description": "`digits`, a folder `/photos`, a zip `/photos.zip`, `https://.../photos.zip`, or "
            "`s3://bucket/prefix`: with train, valid and test in it, and a folder for each class in these.",
        },
        "max_unreadable": {
            "default": 0,
            "type": "integer",
            "minimum": 0,
            "maximum": 100,
            "description": "Images that may be left out because they cannot be read. "
            "One of dogImages is cut short.",
            "title": "Unreadable images",
        },
    },
)
