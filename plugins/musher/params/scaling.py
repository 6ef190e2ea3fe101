"""Section "Scaling" of the form: how the endpoint grows and shrinks with its load."""

from musher.params.section import in_section
from musher.payloads.choices import INVOCATIONS, MAX_COOLDOWN_S, MAX_INSTANCES, METRICS

SCALING = in_section(
    "Scaling",
    {
        "autoscale_min": {
            "title": "Fewest instances",
            "default": 1,
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_INSTANCES,
            "description": "The endpoint never has fewer. Without traffic it comes back to these.",
        },
        "autoscale_max": {
            "title": "Most instances",
            "default": 3,
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_INSTANCES,
            "description": "The endpoint never has more: they are what it can cost at most. "
            "The same as `autoscale_min`: nothing scales.",
        },
        "autoscale_metric": {
            "default": INVOCATIONS,
            "type": "string",
            "enum": list(METRICS),
            "description": "What is held against the target. `invocations`: a minute's invocations of each "
            "instance; AWS adds instances after three minutes above. `concurrency`: requests that a model "
            "works on at the same time, looked at each ten seconds.",
        },
        "autoscale_target": {
            "default": 100,
            "type": "number",
            "exclusiveMinimum": 0,
            "description": "Instances are added above, and removed below nine tenths. For `invocations`, "
            "take what an instance can answer in a second, times 60, times a safety factor of a half.",
        },
        "scale_out_cooldown_s": {
            "default": 30,
            "type": "integer",
            "minimum": 0,
            "maximum": MAX_COOLDOWN_S,
            "description": "After instances were added, so long only larger steps add more.",
        },
        "scale_in_cooldown_s": {
            "default": 30,
            "type": "integer",
            "minimum": 0,
            "maximum": MAX_COOLDOWN_S,
            "description": "After instances were removed, so long none is removed.",
        },
    },
    experts=("scale_out_cooldown_s", "scale_in_cooldown_s"),
)
