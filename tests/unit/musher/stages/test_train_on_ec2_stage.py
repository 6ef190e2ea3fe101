"""The stage that trains on an EC2 instance: what it asks for, what it refuses, and what it hands on."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from botocore.exceptions import ClientError

from musher.ec2_results import EC2_TASKS
from musher.errors import PayloadError, PreflightError
from musher.hooks import ec2_account
from musher.hooks.ec2_account import Image, InstanceType
from musher.hooks.weights import Weights
from musher.settings import Settings
from musher.stages import ec2_checks, ec2_plan, jobs, leftovers, run_checks, teardown, train_on_ec2
from musher.stages.checks import look_at_all
from musher.stages.jobs import Code
from musher.stages.run import Run
from tests.unit.musher.operators.fakes import refuse
from tests.unit.musher.stages.test_train_and_tune import DATASET, FEATURES, TUNING

MakeRun = Callable[..., Run]
AMAZON = Image(image_id="ami-1", root_device="/dev/xvda", root_gb=8, architecture="x86_64")
M5 = InstanceType(vcpus=4, architectures=("x86_64",))
CODE = Code(uri="s3://b/code/sourcedir.tar.gz", code_hash="c" * 64)
TEMPLATE = (Path(__file__).parents[4] / "training" / "ec2_user_data.sh").read_text()


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that has all that an instance needs."""
    monkeypatch.setattr(ec2_plan, "upload_code", lambda run: CODE)
    monkeypatch.setattr(ec2_plan, "s3_hook", lambda settings: None)
    monkeypatch.setattr(ec2_plan, "download", lambda hook, uri: b"archive")
    monkeypatch.setattr(ec2_plan, "find_chosen_image", lambda settings, params: AMAZON)
    monkeypatch.setattr(ec2_plan, "find_groups", lambda settings: settings.security_groups or ("sg-1",))


def order_of(request: dict[str, Any]) -> dict[str, Any]:
    """Return what the instance is told."""
    lines = request["UserData"].splitlines()
    found: dict[str, Any] = json.loads(lines[lines.index("ORDER") - 1])
    return found


def request_for(run: Run, *, features: Any = None, tuning: Any = None) -> dict[str, Any]:
    """Return the request of a run."""
    dataset: Any = DATASET
    return ec2_plan.request_training(run, dataset=dataset, features=features, tuning=tuning)


@pytest.mark.usefixtures("account")
def test_the_instance_trains_what_sagemaker_s_job_trains(form_run: MakeRun) -> None:
    run = form_run(epochs=7, ec2_instance_type="c5.xlarge", max_runtime_s=1200, ec2_volume_gb=50)
    request = request_for(run, tuning=TUNING)
    order = order_of(request)
    assert request["ClientToken"] == f"musher-ec2-{run.slug}"
    assert (request["InstanceType"], request["ImageId"]) == ("c5.xlarge", "ami-1")
    assert request["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"] == 50
    assert order["limit_s"] == 1200
    assert (order["options"]["epochs"], order["options"]["init"]) == ("7", "random")
    assert (order["options"]["learning_rate"], order["options"]["batch_size"]) == ("0.02", "64")
    assert set(order["channels"]) == {"train", "valid", "test", "manifest"}
    assert f"CODE_SHA256={hashlib.sha256(b'archive').hexdigest()}\n" in request["UserData"]


@pytest.mark.usefixtures("account")
def test_features_take_the_place_of_images(form_run: MakeRun) -> None:
    order = order_of(request_for(form_run(freeze_backbone=True), features=FEATURES))
    assert order["channels"] == {"manifest": DATASET["manifest_uri"], "features": FEATURES["model_uri"]}


@pytest.mark.usefixtures("account")
def test_tags_say_whose_the_instance_is_and_until_when(form_run: MakeRun) -> None:
    run = form_run()
    for specification in request_for(run)["TagSpecifications"]:
        tags = {tag["Key"]: tag["Value"] for tag in specification["Tags"]}
        assert (tags["musher:project"], tags["musher:run"]) == ("musher", run.slug)
        assert "musher:expires-at" in tags


@pytest.mark.usefixtures("account")
def test_the_installation_s_subnet_and_groups_are_used(form_run: MakeRun) -> None:
    installation = Settings(
        account_id="123456789012",
        subnets=("subnet-0123abcd", "subnet-4567abcd"),
        security_groups=("sg-0123abcd",),
    )
    request = request_for(form_run(installation=installation))
    assert (request["SubnetId"], request["SecurityGroupIds"]) == ("subnet-0123abcd", ["sg-0123abcd"])


@pytest.mark.parametrize(
    ("instance_type", "options"),
    [
        ("m5.xlarge", ["--index-url", "https://download.pytorch.org/whl/cpu"]),
        ("g4dn.xlarge", []),
        ("p4d.24xlarge", []),
    ],
)
def test_torch_is_the_model_image_s_with_cuda_for_gpus_alone(instance_type: str, options: list[str]) -> None:
    dockerfile = Path(__file__).parents[4] / "training" / "Dockerfile"
    found = ec2_plan.torch_packages(dockerfile, instance_type=instance_type)
    assert [package.partition("==")[0] for package in found["packages"]] == ["torch", "torchvision"]
    for package in found["packages"]:
        assert f"_VERSION={package.partition('==')[2]}\n" in dockerfile.read_text()
    assert found["pip_options"] == options


def test_a_dockerfile_without_versions_is_named(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM x\n")
    with pytest.raises(PayloadError, match=r"Dockerfile names no version of torch\. Restore its ARG"):
        ec2_plan.torch_packages(tmp_path / "Dockerfile", instance_type="m5.xlarge")


@pytest.mark.usefixtures("account")
def test_half_precision_needs_a_gpu_here_too(form_run: MakeRun) -> None:
    with pytest.raises(PayloadError, match=r"precision is fp16, .* instance_type is ml\.m5\.xlarge"):
        request_for(form_run(precision="fp16"))
    request_for(form_run(precision="fp16", ec2_instance_type="g4dn.xlarge"))


@pytest.mark.usefixtures("account")
def test_nothing_is_asked_for_unless_the_run_wants_it(
    form_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    request: Any = train_on_ec2.request_instance.function  # type: ignore[attr-defined]
    for wants, found in ((False, None), (True, dict)):
        monkeypatch.setattr(train_on_ec2, "current_run", lambda wants=wants: form_run(train_on_ec2=wants))
        made = request(DATASET, None, None)
        assert made is None if found is None else isinstance(made, found)


@pytest.mark.usefixtures("account")
def test_the_dag_of_its_own_refuses_everything_at_once(
    form_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    request: Any = train_on_ec2.request_only_instance.function  # type: ignore[attr-defined]
    monkeypatch.setattr(train_on_ec2, "current_run", form_run)
    checks = [ec2_checks.Check(about=about, look=lambda about=about: [about]) for about in ("this", "that")]
    monkeypatch.setattr(ec2_checks, "list_ec2_checks", lambda *_, **__: checks)
    with pytest.raises(AirflowFailException, match="Nothing was started, for 2 reasons:"):
        request(DATASET)
    monkeypatch.setattr(ec2_checks, "list_ec2_checks", lambda *_, **__: [])
    assert request(DATASET)["ClientToken"].startswith("musher-ec2-")


def test_the_result_has_the_same_evaluation_and_a_price(
    form_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: Any = train_on_ec2.read_figures.function  # type: ignore[attr-defined]
    monkeypatch.setattr(train_on_ec2, "current_run", form_run)
    evaluation = {"accuracy": 0.9, "loss": 0.3, "images": 360, "confusion_matrix": []}
    monkeypatch.setattr("musher.stages.outputs.load_outputs", lambda *_, **__: [evaluation])
    job = {
        "job_name": "musher-ec2-1",
        "output_uri": "s3://b/o",
        "instance_type": "m5.xlarge",
        "seconds": 3600.0,
        "is_spot": False,
    }
    assert read(job) == {**job, "accuracy": 0.9, "loss": 0.3, "images": 360, "price_usd": 0.192}
    assert read(None) is None


def params_with(**changes: Any) -> dict[str, Any]:
    """Return the Params that the checks read."""
    return {
        "ec2_image": "/aws/service/x",
        "ec2_instance_type": "m5.xlarge",
        "ec2_volume_gb": 40,
        "ec2_use_spot": False,
        "weights_uri": None,
        **changes,
    }


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the looks at the account find."""
    found: dict[str, Any] = {"quota": 32.0, "bytes": 0, "profile": True, "group": "sg-1", "open": []}
    monkeypatch.setattr(ec2_checks, "look_client", lambda settings, service: None)
    monkeypatch.setattr(ec2_checks, "find_image", lambda ec2, ssm, parameter: AMAZON)
    monkeypatch.setattr(ec2_checks, "find_type", lambda ec2, name: M5)
    monkeypatch.setattr(ec2_checks, "count_bytes", lambda s3, uri: found["bytes"])
    monkeypatch.setattr(
        ec2_checks, "read_quotas", lambda client, service, names: dict.fromkeys(names, found["quota"])
    )
    monkeypatch.setattr(ec2_checks, "has_profile", lambda iam, name: found["profile"])
    monkeypatch.setattr(ec2_checks, "find_group", lambda ec2, name: found["group"])
    monkeypatch.setattr(ec2_checks, "find_inbound", lambda ec2, group_ids: found["open"])
    return found


def problems_of(settings: Settings, **changes: Any) -> list[str]:
    """Return all findings."""
    channels = {"train": "s3://b/train/"}
    problems, warnings = look_at_all(
        ec2_checks.list_ec2_checks(settings, params_with(**changes), channels=channels)
    )
    assert warnings == []
    return problems


@pytest.mark.usefixtures("looks")
def test_an_account_that_has_it_all_is_fine(settings: Settings) -> None:
    assert problems_of(settings) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"quota": 0.0},
            "and the account's quota 'Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) ins",
        ),
        ({"bytes": 30 << 30}, "the data 30.0, and packages and the model need 8. Set it to 47 or more"),
        ({"profile": False}, "The instance profile musher-ec2 does not exist, or has no role. Deploy"),
        ({"group": None}, "has no security group musher-ec2. Deploy infra/bootstrap.yaml with Ec2Vpc"),
        ({"open": ["sg-1"]}, "The security group sg-1 lets in connections from everywhere"),
    ],
    ids=["quota", "disk", "profile", "group", "open-group"],
)
def test_what_an_account_lacks_is_said(
    changes: dict[str, Any], said: str, looks: dict[str, Any], settings: Settings
) -> None:
    looks.update(changes)
    [problem] = problems_of(settings)
    assert said in problem


@pytest.mark.usefixtures("looks")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"isolate_network": True, "training_image": "x"}, "MUSHER_ISOLATE_NETWORK is true"),
        ({"volume_kms_key": "arn:aws:kms:us-east-1:123456789012:key/k"}, "MUSHER_VOLUME_KMS_KEY is arn:aws"),
    ],
    ids=["isolation", "key"],
)
def test_what_the_installation_forbids_is_said(changes: dict[str, Any], said: str) -> None:
    [problem] = problems_of(Settings(account_id="123456789012", **changes))
    assert problem.startswith(said)


@pytest.mark.usefixtures("looks")
def test_weights_elsewhere_are_refused(settings: Settings) -> None:
    [problem] = problems_of(settings, weights_uri="s3://other/w.safetensors")
    assert "may read musher-123456789012-us-east-1 only. Copy the weights there" in problem


@pytest.mark.usefixtures("looks")
def test_an_image_for_another_processor_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    arm = InstanceType(vcpus=4, architectures=("arm64",))
    monkeypatch.setattr(ec2_checks, "find_type", lambda ec2, name: arm)
    [problem] = problems_of(settings, ec2_instance_type="m6g.xlarge")
    assert problem.startswith("ec2_image is for x86_64, and m6g.xlarge is arm64.")


def test_the_main_dag_looks_and_counts_only_where_it_trains_on_ec2(form_run: MakeRun) -> None:
    def about(run: Run) -> list[str]:
        return [check.about for check in run_checks.list_checks(run, dataset=DATASET)]

    extra = set(about(form_run(train_on_ec2=True))) - set(about(form_run()))
    assert extra == {
        "EC2 and the settings",
        "EC2 image, type and disk",
        "EC2 quota",
        "EC2 network",
        "EC2 role",
    }
    uses = {use.what: use for use in run_checks.list_uses(form_run(train_on_ec2=True).params)}
    assert uses["train on EC2"].price_usd == pytest.approx(0.192)
    assert "train on EC2" not in {use.what for use in run_checks.list_uses(form_run().params)}


class FakeNetwork:
    """Subnets and route tables, as EC2's client shows them."""

    def __init__(self, *, route: dict[str, Any] | None, is_public: bool, is_own: bool) -> None:
        self.route, self.is_public, self.is_own = route, is_public, is_own

    def describe_subnets(self, **_: Any) -> dict[str, Any]:
        return {"Subnets": [{"VpcId": "vpc-1", "MapPublicIpOnLaunch": self.is_public}]}

    def describe_route_tables(self, *, Filters: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        is_own = Filters[0]["Name"] == "association.subnet-id"
        routes = [{"DestinationCidrBlock": "10.0.0.0/16"}, *([self.route] if self.route else [])]
        return {"RouteTables": [{"Routes": routes}] if is_own == self.is_own else []}


EVERYWHERE = {"DestinationCidrBlock": "0.0.0.0/0", "State": "active"}


@pytest.mark.parametrize("is_own", [True, False], ids=["own-table", "main-table"])
@pytest.mark.parametrize(
    ("route", "is_public", "flaw"),
    [
        (None, False, "has no route to 0.0.0.0/0"),
        ({**EVERYWHERE, "State": "blackhole", "NatGatewayId": "nat-1"}, False, "ends nowhere (blackhole)"),
        ({**EVERYWHERE, "GatewayId": "igw-1"}, False, "gives instances no public address"),
        ({**EVERYWHERE, "GatewayId": "igw-1"}, True, None),
        ({**EVERYWHERE, "NatGatewayId": "nat-1"}, False, None),
    ],
    ids=["none", "blackhole", "without-address", "public", "nat"],
)
def test_a_subnet_needs_a_way_out(
    route: dict[str, Any] | None, is_public: bool, flaw: str | None, is_own: bool
) -> None:
    network = FakeNetwork(route=route, is_public=is_public, is_own=is_own)
    found = ec2_account.find_flaw_of_subnet(network, subnet="subnet-1")
    assert found is None if flaw is None else flaw in str(found)


def test_a_subnet_that_is_not_there_is_said_and_a_refusal_passes() -> None:
    class Missing:
        code = "InvalidSubnetID.NotFound"

        def describe_subnets(self, **_: Any) -> None:
            raise refuse(self.code, "DescribeSubnets")

    missing = Missing()
    assert ec2_account.find_flaw_of_subnet(missing, subnet="subnet-1") == "does not exist"
    missing.code = "UnauthorizedOperation"
    with pytest.raises(ClientError):
        ec2_account.find_flaw_of_subnet(missing, subnet="subnet-1")


def test_an_image_that_is_gone_is_said() -> None:
    class Gone:
        def get_parameter(self, **_: Any) -> dict[str, Any]:
            return {"Parameter": {"Value": "ami-1"}}

        def describe_images(self, **_: Any) -> None:
            raise refuse("InvalidAMIID.NotFound", "DescribeImages")

    with pytest.raises(PreflightError, match="which names ami-1, and there is no such image"):
        ec2_account.find_image(Gone(), Gone(), parameter="/aws/service/x")


def test_the_disk_of_an_image_is_its_root_s() -> None:
    class Found:
        def get_parameter(self, **_: Any) -> dict[str, Any]:
            return {"Parameter": {"Value": "ami-1"}}

        def describe_images(self, **_: Any) -> dict[str, Any]:
            mappings = [
                {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 45}},
                {"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0"},
            ]
            image = {"RootDeviceName": "/dev/sda1", "Architecture": "x86_64", "BlockDeviceMappings": mappings}
            return {"Images": [image]}

    found = ec2_account.find_image(Found(), Found(), parameter="/aws/service/x")
    assert (found.root_device, found.root_gb) == ("/dev/sda1", 45)


@pytest.mark.parametrize(
    ("rule", "is_open"),
    [
        ({"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, True),
        ({"Ipv6Ranges": [{"CidrIpv6": "::/0"}]}, True),
        ({"IpRanges": [{"CidrIp": "10.0.0.0/8"}]}, False),
        ({"UserIdGroupPairs": [{"GroupId": "sg-1"}]}, False),
    ],
    ids=["everybody", "everybody-by-6", "a-network", "itself"],
)
def test_a_group_is_open_where_everybody_gets_in(rule: dict[str, Any], is_open: bool) -> None:
    class Groups:
        def describe_security_groups(self, **_: Any) -> dict[str, Any]:
            return {"SecurityGroups": [{"GroupId": "sg-1", "IpPermissions": [rule]}]}

    assert ec2_account.find_inbound(Groups(), group_ids=("sg-1",)) == (["sg-1"] if is_open else [])


def test_the_teardown_ends_instances_only_where_there_may_be_some(
    form_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "ec2_hook", lambda settings: None)
    monkeypatch.setattr(leftovers, "sagemaker_hook", lambda settings: None)

    def removals(run: Run) -> list[str]:
        instance: Any = None
        return [removal.what for removal in leftovers.running_jobs(run, instance)]

    assert "EC2 instances" not in removals(form_run())
    assert removals(form_run(train_on_ec2=True)).count("EC2 instances") == 1


@pytest.mark.parametrize(
    ("failed", "found"), [(EC2_TASKS[1], False), ("report", False), ("smoke_test", True)]
)
def test_a_comparison_that_fails_takes_nothing_back(
    failed: str, found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teardown, "failures_of_run", lambda instance: {failed: None})
    assert teardown.has_failed(None) is found  # type: ignore[arg-type]


def test_weights_are_a_channel_as_in_sagemaker(form_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = Weights(uri="s3://b/w.safetensors", version="1")
    for module in (jobs, ec2_plan):
        monkeypatch.setattr(module, "find_chosen_weights", lambda run: weights)
    dataset: Any = DATASET
    channels = ec2_plan.choose_channels(form_run(), dataset=dataset, features=None)
    assert channels["weights"] == "s3://b/w.safetensors"
