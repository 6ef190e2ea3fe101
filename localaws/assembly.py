"""What localaws is made of: the services that run here, and the backends that take the place of moto's.

moto finds a service's backends as an attribute of the service's package, of its `models` and of its
`responses`; all three are replaced, so that CloudFormation and the responses see the same state.
"""

import importlib
from typing import Any

from moto.core.base_backend import BackendDict

from localaws.autoscaling.service import AutoscalingService
from localaws.clock_service import ClockService
from localaws.cloudwatch.service import CloudWatchService
from localaws.cloudwatch_logs.service import LogService
from localaws.context import Context
from localaws.ec2.service import InstanceService
from localaws.faults.service import FaultService
from localaws.functions.host import FunctionHost
from localaws.functions.service import FunctionService
from localaws.imports import quick_imports
from localaws.s3.service import ObjectService
from localaws.sagemaker.endpoints.service import EndpointService
from localaws.sagemaker.notebooks.service import NotebookService
from localaws.sagemaker.processing.service import ProcessingService
from localaws.sagemaker.training.service import TrainingService
from localaws.sagemaker.transform.service import TransformService
from localaws.sagemaker.tuning.service import TuningService
from localaws.services import Service
from localaws.ssm.service import CommandService
from localaws.status.service import StatusService

USERS_OF_INSTANCES = ("ec2", "ssm", "cloudformation", "autoscaling", "batch", "emr")
"""Services of moto that make EC2 instances, or know their images."""


def create_services(context: Context) -> list[Service]:
    """Make every service, in the order in which they start (they stop in the reverse order)."""
    functions = FunctionHost(context)
    return [
        FaultService(context.faults, clock=context.clock, supervisor=context.supervisor),
        ClockService(context.clock),
        LogService(context.data_dir),
        ObjectService(context.data_dir),
        EndpointService(context),
        TrainingService(),
        ProcessingService(),
        TransformService(),
        TuningService(),
        NotebookService(),
        InstanceService(),
        CommandService(),
        functions,
        FunctionService(context, host=functions),
        AutoscalingService(context),
        CloudWatchService(context),
        StatusService(context),
    ]


def install_backends() -> None:
    """Replace every backend that localaws overrides, before moto's server asks for it.

    What `install_late` adds comes with the first request.
    """
    from localaws.cloudwatch.models import LocalCloudWatchBackend
    from localaws.functions.models import LocalLambdaBackend
    from localaws.sagemaker.models import LocalSageMakerBackend

    for service, package, backend in (
        ("sagemaker", "sagemaker", LocalSageMakerBackend),
        ("lambda", "awslambda", LocalLambdaBackend),
        ("cloudwatch", "cloudwatch", LocalCloudWatchBackend),
    ):
        replace_backends(service=service, package=package, attribute=f"{service}_backends", backend=backend)
    install_changes()


def install_changes() -> None:
    """Change what is in the way in moto's other services, and in how it dispatches requests."""
    from localaws.cloudwatch_logs.actions import add_actions as add_log_actions
    from localaws.iam.actions import add_actions as add_iam_actions
    from localaws.iam.backend import install_validation
    from localaws.iam.boundaries import add_actions as add_boundary_actions
    from localaws.iam.cloudformation import correct_roles
    from localaws.iam.managed import install_managed_policies
    from localaws.iam.sessions import add_actions as add_session_actions
    from localaws.iam.uses import install as install_uses
    from localaws.moto_dispatch import install as install_dispatch
    from localaws.patterns import install as install_patterns
    from localaws.s3.authorization import install as install_permissions
    from localaws.s3.backend import install as install_s3
    from localaws.s3.cloudformation import correct_buckets
    from localaws.sagemaker.endpoints.cloudformation import correct_resources
    from localaws.sagemaker.notebooks.cloudformation import correct_notebooks
    from localaws.topics import install as install_topics
    from localaws.tracking import install as install_tracking

    install_tracking()
    correct_resources()
    correct_notebooks()
    correct_roles()
    correct_buckets()
    add_iam_actions()
    add_session_actions()
    add_boundary_actions()
    install_uses()
    install_validation()
    add_log_actions()
    install_managed_policies()
    install_patterns()
    install_s3()
    install_permissions()
    install_topics()
    install_dispatch()


def install_late(service: str) -> None:
    """Change one of the services of moto that need most others, and so take long to import.

    It is called before the first request to each service; nothing else reaches what is changed here.
    """
    with quick_imports():
        _install_late(service)


def _install_late(service: str) -> None:
    if service in USERS_OF_INSTANCES:
        install_instances()
    if service in ("servicequotas", "events", "ssm"):
        install_neighbours(service)
    if service == "cloudformation":
        from localaws.cloudformation.actions import add_actions as add_stack_actions
        from localaws.cloudformation.addresses import install as install_addresses
        from localaws.cloudformation.backend import install
        from localaws.cloudformation.callbacks import install as install_callbacks
        from localaws.cloudformation.substitution import install as install_substitution
        from localaws.cloudformation.templates import install as install_templates
        from localaws.cloudformation.validation import install as install_validation
        from localaws.functions.stacks.install import install_resources

        install()
        install_addresses()
        install_callbacks()
        add_stack_actions()
        install_substitution()
        install_templates()
        install_resources()
        install_validation()
    elif service == "applicationautoscaling":
        from localaws.autoscaling.actions import add_actions
        from localaws.autoscaling.models import LocalAutoscalingBackend

        attribute = f"{service}_backends"
        replace_backends(
            service="application-autoscaling",
            package=service,
            attribute=attribute,
            backend=LocalAutoscalingBackend,
        )
        add_actions()


def install_instances() -> None:
    """Let moto's EC2 run its instances."""
    from localaws.ec2.actions import add_actions as add_instance_actions
    from localaws.ec2.backend import install as install_backend
    from localaws.ec2.disks import install as install_disks
    from localaws.ec2.endings import install as install_endings
    from localaws.ec2.images import install as install_images
    from localaws.ec2.network import install as install_network

    install_images()
    install_backend()
    install_disks()
    install_endings()
    install_network()
    add_instance_actions()


def install_neighbours(service: str) -> None:
    """Change a service that has to do with instances."""
    if service == "servicequotas":
        from localaws.ec2.quotas import install as install_quotas

        install_quotas()
    if service == "events":
        from localaws.events.bus import install as install_targets

        install_targets()
    if service == "ssm":
        from localaws.ssm.actions import add_actions as add_command_actions

        add_command_actions()


def replace_backends(*, service: str, package: str, attribute: str, backend: type[Any]) -> None:
    """Replace `moto.<package>`'s `BackendDict` named `attribute` with one of `backend`."""
    backends: BackendDict[Any] = BackendDict(backend, service)
    for name in (f"moto.{package}", f"moto.{package}.models", f"moto.{package}.responses"):
        module = importlib.import_module(name)
        if hasattr(module, attribute):
            setattr(module, attribute, backends)
