"""What a notebook instance needs in the account, and what is asked of AWS for it."""

from datetime import UTC, datetime
from functools import partial

from musher import clock, names
from musher.hooks.account import look_client, read_quotas
from musher.hooks.connection import s3_hook
from musher.hooks.objects import upload_once
from musher.packaging import NOTEBOOK_FOLDER, Archive, pack_notebook_code
from musher.payloads.notebooks import (
    AUTOSTOP,
    ON_START,
    NotebookPlan,
    ScriptPlan,
    build_lifecycle_config,
    build_notebook,
    write_script,
)
from musher.payloads.quotas import NOTEBOOK, SERVICE, Need, judge_quotas
from musher.payloads.tags import resource_tags
from musher.results import Request
from musher.settings import Settings
from musher.stages.account_checks import check_bucket, check_passing, check_roles
from musher.stages.checks import Check
from musher.stages.run import Run
from musher.stages.training_files import read_training_file

ROLES = {"notebook": "sagemaker.amazonaws.com"}


def list_checks(run: Run) -> list[Check]:
    """Return the looks at the account: quota, role, bucket."""
    return [
        Check(about="quotas", look=partial(check_quota, run)),
        Check(about="roles", look=partial(check_roles, run.settings, roles=ROLES)),
        Check(about="passing roles", look=partial(check_passing, run.settings, roles=ROLES)),
        Check(about="bucket", look=partial(check_bucket, run.settings)),
    ]


def check_quota(run: Run) -> list[str]:
    """Return whether the account's quota of such instances is too small."""
    need = Need(use=NOTEBOOK, instance_type=run.params["instance_type"], instances=1, params="instance_type")
    client = look_client(run.settings, "service-quotas")
    quotas = read_quotas(client, service=SERVICE, names={need.quota})
    return judge_quotas([need], quotas=quotas, region=run.settings.region)


def upload_code(settings: Settings) -> Archive:
    """Put the training code and the notebook where instances fetch them."""
    code = pack_notebook_code(folder=settings.training_dir, notebook=settings.notebook_file)
    key = names.notebook_code_key(settings, code_hash=code.code_hash)
    upload_once(s3_hook(settings), settings, key=key, data=code.body)
    return code


def plan_notebook(run: Run, *, code: Archive) -> Request:
    """Return {"LifecycleConfig", "Notebook"}: the requests that create both."""
    settings, params = run.settings, run.params
    programs = settings.training_dir / NOTEBOOK_FOLDER
    name, tags = names.notebook(settings, name=params["name"]), tags_of_notebook(run)
    plan = NotebookPlan(
        name=name,
        instance_type=params["instance_type"],
        volume_gb=int(params["volume_gb"]),
        has_root=bool(params["root_access"]),
    )
    script = ScriptPlan(
        idle_minutes=int(params["idle_minutes"]),
        code_key=names.notebook_code_key(settings, code_hash=code.code_hash),
        code_version=code.code_hash,
    )
    written = write_script(
        settings,
        plan=script,
        on_start=read_training_file(programs / ON_START),
        autostop=read_training_file(programs / AUTOSTOP),
    )
    return {
        "LifecycleConfig": build_lifecycle_config(name=name, script=written, tags=tags),
        "Notebook": build_notebook(settings, plan=plan, tags=tags),
    }


def tags_of_notebook(run: Run) -> dict[str, str]:
    """Return project, run and time of expiry, `time_to_live_h` from now."""
    now, ttl_h = datetime.fromtimestamp(clock.now(), tz=UTC), float(run.params["time_to_live_h"])
    return resource_tags(run.settings, slug=run.slug, started_at=now, ttl_h=ttl_h)
