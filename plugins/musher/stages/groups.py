"""Make task groups that say what they take and hand on, and tasks that may find their job not needed."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from airflow.sdk import BaseOperator, task, task_group

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def optional_request(*, trigger_rule: str = "all_success") -> Callable[[Callable[Parameters, Result]], Any]:
    """Make a task of a function that returns a job's request, or None: then that job alone is skipped."""
    decorate: Any = task.short_circuit(
        multiple_outputs=False,
        trigger_rule=trigger_rule,
        ignore_downstream_trigger_rules=False,
        show_return_value_in_logs=False,
    )
    return cast(Callable[[Callable[Parameters, Result]], Any], decorate)


def stage_group(
    *, display_name: str = "", group_id: str = ""
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Make a task group of a function, as `task_group` does, whose types allow no result but a task.

    A group's types are those of the values that travel when its tasks run, as in a function that is a task.
    While the DAG is built, the values are XComArgs. `group_id` is the function's name unless it is given.
    """

    def decorate(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        made = task_group(group_id=group_id or function.__name__, group_display_name=display_name)
        group: Any = made(cast(Any, function))
        return cast(Callable[Parameters, Result], group)

    return decorate


def output_of(operator: BaseOperator, kind: type[Result]) -> Result:
    """Return an operator's result, which is of this kind when the tasks run."""
    output: Any = operator.output
    return cast(Result, output)
