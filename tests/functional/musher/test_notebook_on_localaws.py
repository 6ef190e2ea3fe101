"""docs/notebook.ipynb, executed as a person would: a staged data set, a training, a live endpoint asked."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from musher import names
from musher.datasets.s3_connection import S3Connection
from musher.datasets.staging import stage
from musher.hooks.connection import s3_hook, sagemaker_hook
from musher.hooks.endpoints import remove_endpoint
from musher.hooks.objects import upload_once
from musher.operators.endpoints import DeployEndpointOperator
from musher.payloads.endpoints import EndpointPlan, build_endpoint
from musher.payloads.tags import live_tags
from musher.settings import Settings
from tests.archives import pack
from tests.unit.musher.operators.fakes import FakeTask

ROOT = Path(__file__).parents[3]
NOTEBOOK = ROOT / "docs" / "notebook.ipynb"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def notebook() -> NotebookNode:
    """The notebook as it lies in git."""
    return nbformat.read(NOTEBOOK, as_version=4)


@pytest.fixture
def staged(installation: Settings) -> dict[str, Any]:
    """The handwritten digits, staged."""
    hook = s3_hook(installation)
    s3 = S3Connection(client=hook.get_conn(), session=hook.get_session(), verify=hook.verify)
    bucket = names.bucket(installation)
    return dict(stage(s3=s3, bucket=bucket, prefix=installation.project, source="digits"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a notebook instance unpacks: the training code, and the notebook beside it."""
    made = tmp_path_factory.mktemp("instance") / "musher-0123abcd"
    shutil.copytree(ROOT / "training", made, ignore=shutil.ignore_patterns("__pycache__"))
    return made


@pytest.fixture
def live(installation: Settings, folder: Path) -> Iterator[str]:
    """The live endpoint, with the model that the notebook has trained in the test before."""
    model = folder / "work" / "model"
    found = {str(path.relative_to(model)): path.read_bytes() for path in model.rglob("*") if path.is_file()}
    key = f"{installation.project}/jobs/notebooks/model.tar.gz"
    plan = EndpointPlan(
        model_name=f"{installation.project}-notebooks-1",
        endpoint_config_name=f"{installation.project}-notebooks-1",
        endpoint_name=names.live_endpoint(installation),
        image="registry/serve:1",
        model_uri=upload_once(s3_hook(installation), installation, key=key, data=pack(found)),
        package_arn="arn:any",
        instance_type="ml.m5.large",
        instance_count=1,
        tags=live_tags(installation, slug="notebooks"),
    )
    operator = DeployEndpointOperator(task_id="e", config=build_endpoint(installation, plan=plan))
    operator.__dict__["settings"] = installation
    operator.execute(FakeTask().context())
    yield plan.endpoint_name
    remove_endpoint(sagemaker_hook(installation), name=plan.endpoint_name, delay_s=0.1)


def execute(
    notebook: NotebookNode, *, folder: Path, settings: Settings, url: str, epochs: int
) -> NotebookNode:
    """Run all cells with what an instance's kernel has in its environment; raise what a cell raises."""
    given = {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": settings.region,
        "MUSHER_PROJECT": settings.project,
        "MUSHER_BUCKET": names.bucket(settings),
        "MUSHER_ENDPOINT": names.live_endpoint(settings),
        "EPOCHS": str(epochs),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    return client.execute(env={**os.environ, **given})


def printed(notebook: NotebookNode) -> str:
    """Return all that the cells have printed."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return "".join(output.get("text", "") for output in outputs if output.output_type == "stream")


def pictures(notebook: NotebookNode) -> int:
    """Return how many pictures the cells have drawn."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return sum("image/png" in output.get("data", {}) for output in outputs)


def accuracy(text: str, who: str) -> float:
    """Return the share of right answers that a line like `live: 190 of 200 right (95.0%)` tells."""
    [line] = [line for line in text.splitlines() if line.startswith(f"{who}: ") and " right (" in line]
    return float(line.partition("(")[2].partition("%")[0]) / 100


def test_it_explores_and_trains_and_says_that_nothing_is_live(
    notebook: NotebookNode, staged: dict[str, Any], folder: Path, installation: Settings, localaws: Any
) -> None:
    done = execute(notebook, folder=folder, settings=installation, url=localaws.url, epochs=4)
    text = printed(done)
    assert f"train    {staged['images']['train']} images" in text
    assert "10 classes" in text
    assert accuracy(text, "here") > 0.8
    assert pictures(done) >= 4
    assert "cannot be asked" in text
    assert "both models differ" not in text


def test_it_asks_the_live_endpoint_and_compares_a_new_model_with_it(
    notebook: NotebookNode, live: str, folder: Path, installation: Settings, localaws: Any
) -> None:
    done = execute(notebook, folder=folder, settings=installation, url=localaws.url, epochs=1)
    text = printed(done)
    assert f"{live}: InService" in text
    assert accuracy(text, "live") > 0.8
    assert "both models differ on" in text
