"""Endpoints that serve: deployment, invocation, restarts, scaling, updates and deletion."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.localaws.sagemaker.endpoints.conftest import build_endpoint


@pytest.fixture(scope="module")
def one_endpoint(localaws: Any) -> Iterator[Any]:
    """An endpoint that serves, for all tests that leave it as it is."""
    made = build_endpoint(localaws, "ep-stays")
    made.wait("InService")
    yield made
    made.delete()


def test_endpoint_is_creating_then_in_service_and_answers(endpoint_maker: Any) -> None:
    """CreateEndpoint returns at once with Creating; then a real process answers."""
    made = endpoint_maker("ep-serves", environment={"GREETING": "hello"})
    assert made.first_status == "Creating"
    endpoint = made.wait("InService")
    variant = endpoint["ProductionVariants"][0]
    assert (variant["VariantName"], variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (
        "AllTraffic",
        1,
        1,
    )
    assert variant["CurrentWeight"] == 1.0
    assert variant["DeployedImages"][0]["SpecifiedImage"].endswith("/image:latest")

    answer = made.invoke(
        b"payload", ContentType="image/jpeg", Accept="application/json", CustomAttributes="trace=1"
    )
    assert answer["ContentType"] == "application/json"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert answer["CustomAttributes"] == "echo trace=1"
    assert answer["ResponseMetadata"]["RequestId"]
    seen = json.loads(answer["Body"].read())
    assert seen["body_bytes"] == 7
    assert seen["content_type"] == "image/jpeg"
    assert seen["accept"] == "application/json"
    assert seen["greeting"] == "hello"
    assert Path(seen["model_dir"]).parts[-3:] == ("opt", "ml", "model")
    assert seen["cwd"] == seen["base_dir"] == str(Path(seen["model_dir"]).parent)


def test_process_runs_under_the_models_role(endpoint_maker: Any) -> None:
    """The container gets credentials of the execution role, and none of ours."""
    made = endpoint_maker("ep-role")
    made.wait("InService")
    seen = made.invoke_json(b"identity")
    assert seen["role_arn"] == made.role_arn
    assert "AWS_ACCESS_KEY_ID" not in seen["environment"]


def test_log_lines_reach_cloudwatch(endpoint_maker: Any, localaws: Any) -> None:
    """The stream is named <variant>/<instance id> in /aws/sagemaker/Endpoints/<name>."""
    made = endpoint_maker("ep-logs")
    made.wait("InService")
    logs = localaws.client("logs")
    group = "/aws/sagemaker/Endpoints/ep-logs"
    (stream,) = logs.describe_log_streams(logGroupName=group)["logStreams"]
    assert stream["logStreamName"].startswith("AllTraffic/i-")
    events = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
    assert any("serving on port" in event["message"] for event in events)


def test_traffic_follows_the_weights_and_the_target(endpoint_maker: Any) -> None:
    """Weights 3 and 1 get about 3/4 and 1/4; TargetVariant overrides them."""
    made = endpoint_maker("ep-weights", variants=[("blue", 3.0, 1), ("green", 1.0, 1)])
    made.wait("InService")
    count = 200
    blue = sum(made.invoke(b"x")["InvokedProductionVariant"] == "blue" for _ in range(count))
    assert 0.6 * count <= blue <= 0.9 * count  # 150 expected, standard deviation 6
    assert made.invoke(b"x", TargetVariant="green")["InvokedProductionVariant"] == "green"
    with pytest.raises(ClientError, match=r"\(ValidationError\).*Variant red of endpoint ep-weights"):
        made.invoke(b"x", TargetVariant="red")


def invoke_until_it_answers(made: Any) -> tuple[int, list[str]]:
    """Return the process that answers, and the error codes before that."""
    codes = []
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            return made.process(), codes
        except ClientError as error:
            codes.append(error.response["Error"]["Code"])
        time.sleep(0.05)
    raise AssertionError(f"no process ever answered: {codes}")


def test_a_crashed_process_is_restarted(endpoint_maker: Any) -> None:
    """Killing the only process gives an error until another serves."""
    made = endpoint_maker("ep-crash")
    made.wait("InService")
    pid = made.process()
    os.kill(pid, signal.SIGKILL)
    new_pid, codes = invoke_until_it_answers(made)
    assert set(codes) <= {"ServiceUnavailable", "ModelError"}
    assert new_pid != pid
    assert made.describe()["EndpointStatus"] == "InService"


def test_another_instance_takes_over_without_an_error(endpoint_maker: Any) -> None:
    """With two instances, killing one between requests is not seen by callers."""
    made = endpoint_maker("ep-two", variants=[("AllTraffic", 1.0, 2)])
    made.wait("InService")
    os.kill(made.process(), signal.SIGKILL)
    time.sleep(0.05)
    assert all(made.invoke_json(b"x")["port"] for _ in range(20))


def two_instances(name: str, **routing: str) -> list[dict[str, Any]]:
    """Return a variant of two instances, with a RoutingConfig where one is given."""
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": name,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 2,
    }
    return [variant | ({"RoutingConfig": routing} if routing else {})]


def test_requests_are_spread_at_random(endpoint_maker: Any) -> None:
    made = endpoint_maker("ep-random", config={"ProductionVariants": two_instances("ep-random")})
    made.wait("InService")
    assert len({made.invoke_json(b"x")["port"] for _ in range(40)}) == 2


def test_requests_go_to_the_least_busy_instance_where_that_is_asked_for(endpoint_maker: Any) -> None:
    variants = two_instances("ep-least", RoutingStrategy="LEAST_OUTSTANDING_REQUESTS")
    made = endpoint_maker("ep-least", config={"ProductionVariants": variants})
    made.wait("InService")
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(made.invoke_json, b"sleep 5")
        time.sleep(1)
        others = {made.invoke_json(b"x")["port"] for _ in range(20)}
        assert not slow.done()
        assert slow.result()["port"] not in others
    assert len(others) == 1


def test_container_errors_become_model_errors(endpoint_maker: Any, localaws: Any) -> None:
    """4xx and 5xx carry the container's status and message, and the log group."""
    made = endpoint_maker("ep-errors")
    made.wait("InService")
    runtime = localaws.client("sagemaker-runtime")
    for status, side in ((415, "client"), (500, "server")):
        with pytest.raises(runtime.exceptions.ModelError) as caught:
            runtime.invoke_endpoint(EndpointName="ep-errors", Body=f"status {status}".encode())
        response = caught.value.response
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
        assert response["OriginalStatusCode"] == status
        said = f'{{"error": "as asked: {status}"}}'
        assert response["OriginalMessage"] == said
        assert response["LogStreamArn"] == (
            "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/Endpoints/ep-errors"
        )
        assert response["Error"]["Message"].startswith(
            f'Received {side} error ({status}) from primary with message "{said}". '
            "See https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1"
            "#logEventViewer:group=/aws/sagemaker/Endpoints/ep-errors in account 123456789012"
        )


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (
            {"TargetModel": "a.tar.gz"},
            "is not a multi-model endpoint and does not support target model header",
        ),
        ({"InferenceComponentName": "a"}, "Inference Component Name header is not allowed for endpoints"),
        ({"TargetContainerHostname": "a"}, "is not a multi-container endpoint"),
    ],
)
def test_a_request_for_one_of_several_models_is_refused(
    one_endpoint: Any, asked: dict[str, str], words: str
) -> None:
    with pytest.raises(ClientError, match=words) as caught:
        one_endpoint.invoke(b"x", **asked)
    assert caught.value.response["Error"]["Code"] == "ValidationError"


def test_answers_as_a_stream_are_refused_by_name(one_endpoint: Any, localaws: Any) -> None:
    runtime = localaws.client("sagemaker-runtime")
    with pytest.raises(
        ClientError, match="does not implement sagemaker:InvokeEndpointWithResponseStream"
    ) as caught:
        runtime.invoke_endpoint_with_response_stream(EndpointName=one_endpoint.name, Body=b"x")
    assert caught.value.response["Error"]["Code"] == "UnknownOperationException"


def test_a_process_that_dies_of_a_request_is_a_model_error(endpoint_maker: Any, localaws: Any) -> None:
    """The request that kills the process is not sent to another instance."""
    made = endpoint_maker("ep-poison", variants=[("AllTraffic", 1.0, 2)])
    made.wait("InService")
    ports = {made.invoke_json(b"x")["port"] for _ in range(20)}
    runtime = localaws.client("sagemaker-runtime")
    with pytest.raises(runtime.exceptions.ModelError, match="could not get a response") as caught:
        runtime.invoke_endpoint(EndpointName="ep-poison", Body=b"die")
    assert caught.value.response["OriginalStatusCode"] == 0
    assert made.invoke_json(b"x")["port"] in ports or len(ports) < 2


def test_too_large_a_body_is_refused_and_the_endpoint_lives_on(endpoint_maker: Any) -> None:
    """More than 25 MB is 413, as at AWS's front end."""
    made = endpoint_maker("ep-large")
    made.wait("InService")
    with pytest.raises(ClientError, match=r"\(413\).*HTTP content length exceeded 26214400 bytes"):
        made.invoke(b"x" * 60_000_000)
    assert made.invoke_json(b"x" * 25_000_000)["body_bytes"] == 25_000_000


def test_an_unknown_endpoint_is_a_validation_error(localaws: Any) -> None:
    """AWS names the account."""
    with pytest.raises(ClientError) as caught:
        localaws.client("sagemaker-runtime").invoke_endpoint(EndpointName="ep-none", Body=b"x")
    assert caught.value.response["Error"] == {
        "Code": "ValidationError",
        "Message": "Endpoint ep-none of account 123456789012 not found.",
    }


def test_delete_stops_the_processes_and_forgets_the_endpoint(endpoint_maker: Any, localaws: Any) -> None:
    """No process and no folder is left, and the name is free again."""
    made = endpoint_maker("ep-delete", variants=[("AllTraffic", 1.0, 2)])
    made.wait("InService")
    python = Path(made.invoke_json(b"x")["python"])
    assert python.is_symlink()
    made.delete()
    with pytest.raises(ClientError, match='Could not find endpoint "arn:aws:sagemaker:us-east-1'):
        made.describe()
    assert not [child for child in localaws.children() if "ep-delete" in child["name"]]
    assert not python.is_symlink()
    with pytest.raises(ClientError, match="ValidationError"):
        made.invoke(b"x")


def test_changes_are_refused_while_one_is_under_way(endpoint_maker: Any, localaws: Any) -> None:
    """As AWS words it, for DeleteEndpoint during Creating."""
    made = endpoint_maker("ep-busy", environment={"START_S": "1"})
    with pytest.raises(ClientError, match=r"\(ValidationException\).*Cannot update in-progress endpoint"):
        localaws.client("sagemaker").delete_endpoint(EndpointName="ep-busy")
    with pytest.raises(ClientError, match=r"\(ValidationError\).*ep-busy of account .* not found"):
        made.invoke(b"x")
    made.wait("InService")


def test_names_that_are_taken_or_missing_are_refused(endpoint_maker: Any, localaws: Any) -> None:
    """In AWS's words, which the Amazon provider of Airflow parses."""
    made = endpoint_maker("ep-names")
    sagemaker = localaws.client("sagemaker")
    arn = "arn:aws:sagemaker:us-east-1:123456789012"
    expected = {
        f'Cannot create already existing endpoint "{arn}:endpoint/ep-names".': lambda: (
            sagemaker.create_endpoint(EndpointName="ep-names", EndpointConfigName="ep-names")
        ),
        f'Cannot create already existing endpoint configuration "{arn}:endpoint-config/ep-names".': lambda: (
            sagemaker.create_endpoint_config(**made.config_request)
        ),
        f'Cannot create already existing model "{arn}:model/ep-names".': lambda: sagemaker.create_model(
            **made.model_request
        ),
        f'Could not find endpoint configuration "{arn}:endpoint-config/no".': lambda: (
            sagemaker.create_endpoint(EndpointName="ep-names-2", EndpointConfigName="no")
        ),
        f'Could not find endpoint "{arn}:endpoint/no".': lambda: sagemaker.delete_endpoint(EndpointName="no"),
    }
    for message, call in expected.items():
        with pytest.raises(ClientError) as caught:
            call()
        assert caught.value.response["Error"] == {"Code": "ValidationException", "Message": message}
    made.wait("InService")


def test_scaling_starts_and_stops_processes(endpoint_maker: Any, localaws: Any) -> None:
    """UpdateEndpointWeightsAndCapacities is Updating, then InService with the new count."""
    made = endpoint_maker("ep-scale")
    made.wait("InService")
    sagemaker = localaws.client("sagemaker")
    for count in (3, 1):
        change = [{"VariantName": "AllTraffic", "DesiredInstanceCount": count, "DesiredWeight": 2.0}]
        sagemaker.update_endpoint_weights_and_capacities(
            EndpointName="ep-scale", DesiredWeightsAndCapacities=change
        )
        assert made.describe()["EndpointStatus"] in ("Updating", "InService")
        variant = made.wait("InService")["ProductionVariants"][0]
        assert (variant["CurrentInstanceCount"], variant["CurrentWeight"]) == (count, 2.0)
        assert len([child for child in localaws.children() if "ep-scale" in child["name"]]) == count


def test_update_moves_to_the_new_fleet_without_a_failed_request(endpoint_maker: Any, localaws: Any) -> None:
    """UpdateEndpoint: the old fleet serves until the new one is healthy."""
    made = endpoint_maker("ep-update")
    made.wait("InService")
    config = made.another_config("ep-update-2", environment={"GREETING": "second"})
    localaws.client("sagemaker").update_endpoint(EndpointName="ep-update", EndpointConfigName=config)
    greetings = []
    while made.describe()["EndpointStatus"] == "Updating":
        greetings.append(made.invoke_json(b"x")["greeting"])
    greetings.append(made.invoke_json(b"x")["greeting"])
    assert greetings[-1] == "second"
    endpoint = made.wait("InService")
    assert endpoint["EndpointConfigName"] == config
    assert "FailureReason" not in endpoint
    assert len([child for child in localaws.children() if "ep-update" in child["name"]]) == 1


def test_a_failed_update_keeps_the_old_fleet_and_says_why(endpoint_maker: Any, localaws: Any) -> None:
    """The status is InService again, with the old config and a FailureReason."""
    made = endpoint_maker("ep-rollback")
    made.wait("InService")
    config = made.another_config("ep-rollback-2", environment={"START_EXIT": "bad weights"})
    localaws.client("sagemaker").update_endpoint(EndpointName="ep-rollback", EndpointConfigName=config)
    endpoint = made.wait("InService")
    assert endpoint["EndpointConfigName"] == "ep-rollback"
    assert "bad weights" in endpoint["FailureReason"]
    assert made.invoke_json(b"x")["greeting"] == ""


def test_inference_functions_are_served_without_a_server_of_their_own(endpoint_maker: Any) -> None:
    """code/inference.py with model_fn and its kin is enough, as in AWS's framework containers."""
    code = (
        "import helper\n"
        "def model_fn(model_dir): return helper.load(model_dir)\n"
        "def predict_fn(data, model):\n"
        "    if data == 'bad': raise ValueError('no such digit')\n"
        "    return [x * model for x in data]\n"
    )
    helper = "from pathlib import Path\ndef load(d): return int(Path(d, 'weights.txt').read_text())\n"
    made = endpoint_maker(
        "ep-functions",
        files={"code/inference.py": code, "code/helper.py": helper, "weights.txt": "3"},
    )
    made.wait("InService")
    assert made.invoke_json(b"[1, 2]", ContentType="application/json") == [3, 6]
    with pytest.raises(ClientError, match=r"\(ModelError\).*server error \(500\).*ValueError: no such digit"):
        made.invoke(b'"bad"', ContentType="application/json")


def test_awscli_invokes(endpoint_maker: Any, localaws: Any, tmp_path: Path) -> None:
    """The AWS command line works against it unchanged."""
    made = endpoint_maker("ep-cli")
    made.wait("InService")
    (tmp_path / "body").write_bytes(b"12345")
    command = [str(Path(sys.executable).with_name("aws")), "--endpoint-url", localaws.url]
    command += ["sagemaker-runtime", "invoke-endpoint", "--endpoint-name", "ep-cli"]
    command += ["--body", f"fileb://{tmp_path / 'body'}", str(tmp_path / "out")]
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run(
        command,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)} | keys,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["InvokedProductionVariant"] == "AllTraffic"
    assert json.loads((tmp_path / "out").read_text())["body_bytes"] == 5


def stack_template(made: Any, *, config_name: str) -> str:
    """Return a template of a model, an endpoint config and an endpoint, all named."""
    model = {"Fn::GetAtt": ["Model", "ModelName"]}
    variants = [variant | {"ModelName": model} for variant in made.config_request["ProductionVariants"]]
    resources = {
        "Model": ("AWS::SageMaker::Model", made.model_request | {"ModelName": "ep-cfn-model"}),
        "Config": (
            "AWS::SageMaker::EndpointConfig",
            {"EndpointConfigName": "ep-cfn-1", "ProductionVariants": variants},
        ),
        "Endpoint": (
            "AWS::SageMaker::Endpoint",
            {"EndpointName": "ep-cfn-endpoint", "EndpointConfigName": config_name},
        ),
    }
    document = {name: {"Type": kind, "Properties": p} for name, (kind, p) in resources.items()}
    return json.dumps({"Resources": document | {"Endpoint": document["Endpoint"] | {"DependsOn": "Config"}}})


def test_cloudformation_deploys_updates_and_deletes(endpoint_maker: Any, localaws: Any) -> None:
    """A stack's endpoint has the template's name and real processes, and goes with the stack."""
    model = endpoint_maker("ep-cfn", is_deployed=False)
    cloudformation = localaws.client("cloudformation")
    cloudformation.create_stack(StackName="ep", TemplateBody=stack_template(model, config_name="ep-cfn-1"))
    made = model.named("ep-cfn-endpoint")
    assert made.wait("InService")["EndpointConfigName"] == "ep-cfn-1"
    pid = made.process()
    config = model.another_config("ep-cfn-2", environment={})
    cloudformation.update_stack(StackName="ep", TemplateBody=stack_template(model, config_name=config))
    assert made.wait("InService")["EndpointConfigName"] == "ep-cfn-2"
    assert made.process() != pid
    cloudformation.delete_stack(StackName="ep")
    made.wait_gone()


def test_tags_and_lists_go_on_working(endpoint_maker: Any, localaws: Any) -> None:
    """What moto does with its endpoint objects still works."""
    made = endpoint_maker("ep-tags")
    made.wait("InService")
    sagemaker = localaws.client("sagemaker")
    arn = made.describe()["EndpointArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "project", "Value": "musher"}])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "project", "Value": "musher"}]
    (found,) = sagemaker.list_endpoints(NameContains="ep-tags", StatusEquals="InService")["Endpoints"]
    assert found["EndpointName"] == "ep-tags"


def test_a_raw_request_without_a_signature_reaches_the_default_account(
    endpoint_maker: Any, localaws: Any
) -> None:
    """The route works for curl, too."""
    endpoint_maker("ep-raw").wait("InService")
    request = urllib.request.Request(f"{localaws.url}/endpoints/ep-raw/invocations", data=b"abc")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.load(answer)["body_bytes"] == 3


def test_an_instance_that_a_fault_rule_kills_is_replaced(endpoint_maker: Any, fault_rules: Any) -> None:
    made = endpoint_maker("ep-fault")
    made.wait("InService")
    pid = made.process()
    (killed,) = fault_rules.kill(child="endpoint_instance", name="ep-fault")
    assert killed.startswith("endpoint ep-fault AllTraffic/")
    assert invoke_until_it_answers(made)[0] != pid
