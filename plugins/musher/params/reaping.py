"""The Params of the DAG reap_resources."""

from musher.params.section import in_section

REAPING = in_section(
    "Removal",
    {
        "dry_run": {
            "is_open": True,
            "title": "Only look",
            "default": True,
            "type": "boolean",
            "description": "Say what would be removed and what that saves, and change nothing.",
        },
    },
)
