"""The Params of the DAG notebook_instance."""

from musher.names import NAME_PATTERN
from musher.params.section import INSTANCE_TYPE, in_section

START, STOP, DELETE = "start", "stop", "delete"
"""What a run does with the instance."""

NOTEBOOK = {
    **in_section(
        "Notebook instance",
        {
            "action": {
                "is_open": True,
                "default": START,
                "type": "string",
                "enum": [START, STOP, DELETE],
                "description": "`start`: create it, or start it with its files. `stop`: it keeps its files, "
                "and only its volume costs. `delete`: **its files are lost.**",
            },
            "name": {
                "is_open": True,
                "default": "notebook",
                "type": "string",
                "pattern": f"^{NAME_PATTERN}$",
                "maxLength": 40,
                "description": "One instance for each name; AWS calls it so with the project before it.",
            },
            "instance_type": {
                "default": "ml.t3.medium",
                "type": "string",
                "pattern": INSTANCE_TYPE,
                "examples": ["ml.t3.medium", "ml.m5.xlarge", "ml.g4dn.xlarge"],
                "description": "Its type. One that is stopped gets another type at its next start.",
            },
            "volume_gb": {
                "title": "Volume (GB)",
                "default": 5,
                "type": "integer",
                "minimum": 5,
                "maximum": 16384,
                "description": "What its files and the kernel have room in. It can be made larger later, "
                "never smaller.",
            },
            "idle_minutes": {
                "title": "Stop when idle (minutes)",
                "default": 60,
                "type": "integer",
                "minimum": 10,
                "maximum": 1440,
                "description": "It stops itself after so many minutes in which no kernel was busy and no "
                "terminal was used.",
            },
            "time_to_live_h": {
                "title": "Time to live (hours)",
                "default": 168,
                "type": "integer",
                "minimum": 1,
                "maximum": 8760,
                "description": "After so many hours it counts as expired, **with its files**. Each `start` "
                "lets the time begin anew.",
            },
            "root_access": {
                "title": "Root for its user",
                "default": False,
                "type": "boolean",
                "description": "Whether whoever works in it may become root, and so end what stops it.",
            },
            "show_url": {
                "title": "Show an address that opens it",
                "default": False,
                "type": "boolean",
                "description": "The result of the task **open_notebook** is then an address with which "
                "**whoever reads it** within five minutes is in, with the instance's rights, for 8 hours. "
                "Else open it in AWS's console, or by `make notebook-url`.",
            },
        },
    ),
}
