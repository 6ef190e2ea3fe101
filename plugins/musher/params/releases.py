"""Params of the DAGs that change what is live."""

from musher.params.section import in_section

ROLL_BACK = in_section(
    "Version",
    {
        "version": {
            "is_open": True,
            "default": None,
            "type": ["null", "string"],
            "pattern": "^[a-zA-Z0-9](-*[a-zA-Z0-9])*$",
            "maxLength": 63,
            "description": "Name of the endpoint configuration to go back to, such as "
            "`musher-0123abcd-4567cdef`; empty: the one that served before the present one.",
        },
    },
)
