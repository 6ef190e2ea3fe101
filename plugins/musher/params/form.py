"""All sections of the form together; a wrong value is refused before anything is paid for."""

from musher.params.batch import BATCH
from musher.params.data import DATA
from musher.params.deployment import DEPLOYMENT
from musher.params.ec2 import EC2
from musher.params.function import FUNCTION
from musher.params.instances import INSTANCES
from musher.params.load_test import LOAD_TEST
from musher.params.model import MODEL, MODEL_OPTIONS
from musher.params.scaling import SCALING
from musher.params.section import order
from musher.params.training import TRAINING
from musher.params.tuning import TUNING

FORM = order(
    {
        **DATA,
        **MODEL,
        **TUNING,
        **TRAINING,
        **INSTANCES,
        **EC2,
        **DEPLOYMENT,
        **SCALING,
        **FUNCTION,
        **BATCH,
        **LOAD_TEST,
    }
)
"""Every Param, in the order in which the form shows them."""

SECTIONS = (DATA, MODEL, TUNING, TRAINING, INSTANCES, EC2, DEPLOYMENT, SCALING, FUNCTION, BATCH, LOAD_TEST)

OPTIONS = (*MODEL_OPTIONS, *TRAINING)
"""Names of the Params that train.py takes as options of the same name."""

INTEGERS = frozenset(
    name
    for section in SECTIONS
    for name, param in section.items()
    if "integer" in (param.schema.get("type"), param.schema.get("items", {}).get("type"))
)
"""Names of the Params that are whole numbers, or lists of them."""


def suggest_param(name: str) -> str | None:
    """Return the Param whose name is most like one that is none; None where all are far from it."""
    import difflib  # no business of the DAG's parse

    return next(iter(difflib.get_close_matches(name, FORM, n=1)), None)
