"""What a serving process finds around it, and where its code may come from."""

import errno
import io
import json
import tarfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.namespaces import has_namespaces

LOOK = """
import os, sys, tempfile
from pathlib import Path
def model_fn(model_dir): return sorted(str(path) for path in Path("/opt/ml").iterdir())
def predict_fn(data, model):
    return {"ml": model, "dir": os.environ["SM_MODEL_DIR"], "tmp": tempfile.gettempdir(), "file": __file__}
"""


@pytest.mark.skipif(not has_namespaces(), reason="no mount namespaces here")
def test_an_instance_sees_its_own_opt_ml(endpoint_maker: Any) -> None:
    made = endpoint_maker("ep-opt-ml", files={"code/inference.py": LOOK})
    made.wait("InService")
    seen = made.invoke_json(b"1", ContentType="application/json")
    assert seen["ml"] == ["/opt/ml/model"]
    assert seen["dir"] == "/opt/ml/model"
    assert seen["tmp"] != "/tmp"


SEARCH = """
import os, tempfile
from pathlib import Path
def model_fn(model_dir): return Path(tempfile.gettempdir()).parent.parent
def predict_fn(data, folder):
    found = []
    for place, folders, names in os.walk(folder):
        found += [str(Path(place, name).relative_to(folder)) for name in names]
    return {"folders": sorted(os.listdir(folder)), "files": [name for name in found if "python/" not in name]}
"""


@pytest.mark.skipif(not has_namespaces(), reason="no mount namespaces here")
def test_an_instance_sees_no_files_of_others(endpoint_maker: Any, localaws: Any) -> None:
    """They lie in the data folder: objects of S3, other instances' models, their temporary files."""
    made = endpoint_maker("ep-search", files={"code/inference.py": SEARCH})
    made.wait("InService")
    seen = made.invoke_json(b"1", ContentType="application/json")
    assert seen == {"folders": ["endpoints", "tmp"], "files": []}


WRITE = """
import os
from pathlib import Path
def model_fn(model_dir): return Path(model_dir)
def predict_fn(data, model):
    try:
        (model / "weights.txt").write_text("spoilt")
    except OSError as error:
        return {"error": error.errno, "read": (model / "weights.txt").read_text()}
    return {"error": None}
"""


@pytest.mark.skipif(not has_namespaces(), reason="no mount namespaces here")
def test_an_instance_cannot_change_the_model_that_others_serve(endpoint_maker: Any) -> None:
    files = {"code/inference.py": WRITE, "weights.txt": "good"}
    made = endpoint_maker("ep-fixed", files=files, variants=[("AllTraffic", 1.0, 2)])
    made.wait("InService")
    answers = [made.invoke_json(b"1", ContentType="application/json") for _ in range(4)]
    assert answers == [{"error": errno.EROFS, "read": "good"}] * 4


def test_code_may_lie_in_s3_apart_from_the_model(endpoint_maker: Any, localaws: Any) -> None:
    """With packages of its own: this file lists none that is missing, so nothing is fetched."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in {"entry.py": LOOK, "requirements.txt": "--no-index\nnumpy\n"}.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    s3 = localaws.client("s3")
    s3.create_bucket(Bucket="ep-code")
    s3.put_object(Bucket="ep-code", Key="sourcedir.tar.gz", Body=buffer.getvalue())
    environment = {
        "SAGEMAKER_SUBMIT_DIRECTORY": "s3://ep-code/sourcedir.tar.gz",
        "SAGEMAKER_PROGRAM": "entry.py",
    }
    made = endpoint_maker("ep-apart", files={"weights.txt": "3"}, environment=environment)
    made.wait("InService")
    assert made.invoke_json(b"1", ContentType="application/json")["file"].endswith("code/entry.py")


def test_a_framework_image_brings_its_defaults(endpoint_maker: Any) -> None:
    code = """
class Summer:
    def predict(self, data): return data.sum(axis=1)
def model_fn(model_dir): return Summer()
"""
    image = "sagemaker-scikit-learn:1.2-1-cpu-py3"
    made = endpoint_maker("ep-sklearn", files={"code/inference.py": code}, image=image)
    made.wait("InService")
    answer = made.invoke(b"1,2\n3,4\n", ContentType="text/csv", Accept="text/csv")
    assert (answer["ContentType"], answer["Body"].read()) == ("text/csv", b"3.0\n7.0\n")
    with pytest.raises(ClientError, match=r"client error \(415\).*image/jpeg"):
        made.invoke(b"\xff", ContentType="image/jpeg")


def test_a_model_package_is_deployed(endpoint_maker: Any, localaws: Any) -> None:
    sagemaker = localaws.client("sagemaker")
    made = endpoint_maker("ep-package", is_deployed=False)
    container = {
        "Image": "image:1",
        "ModelDataUrl": f"s3://{made.bucket}/{made.key}",
        "Environment": {"GREETING": "of the package", "OTHER": "1"},
    }
    package = sagemaker.create_model_package(
        ModelPackageName="ep-package",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]
    for name, environment in (("ep-package-1", {}), ("ep-package-2", {"GREETING": "of the model"})):
        given = {"ModelPackageName": package} | ({"Environment": environment} if environment else {})
        sagemaker.create_model(
            ModelName=name, ExecutionRoleArn=made.model_request["ExecutionRoleArn"], Containers=[given]
        )
        variants = [made.config_request["ProductionVariants"][0] | {"ModelName": name}]
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    greetings = []
    for name in ("ep-package-1", "ep-package-2"):
        made.named(name).wait("InService")
        greetings.append(json.loads(made.named(name).invoke(b"x")["Body"].read())["greeting"])
    assert greetings == ["of the package", "of the model"]
    with pytest.raises(ClientError, match="does not exist"):
        sagemaker.create_model(
            ModelName="ep-package-3",
            ExecutionRoleArn=made.model_request["ExecutionRoleArn"],
            PrimaryContainer={"ModelPackageName": f"{package}-none"},
        )
