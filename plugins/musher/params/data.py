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
            "description": "`digits`, a folder `/photos`, a zip `/photos.zip` or the address of one, or "
            "`s3://bucket/prefix`: with a folder for each class, in train, valid and test or without these.",
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
        "split_valid": {
            "default": 0.15,
            "type": "number",
            "minimum": 0.01,
            "maximum": 0.4,
            "description": "Share of train's images that become the valid split where the source has none.",
        },
        "split_test": {
            "default": 0.15,
            "type": "number",
            "minimum": 0.01,
            "maximum": 0.4,
            "description": "The same for the test split.",
        },
        "split_seed": {
            "default": 0,
            "type": "integer",
            "minimum": 0,
            "maximum": 2**31 - 1,
            "description": "Another seed cuts the missing splits in another way.",
        },
        "max_duplicates": {
            "default": 0.05,
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "description": "Share of valid's or test's images that may be in another split too, and of all "
            "images that may be in two classes. More of them stop the run.",
        },
    },
)
