"""AWS::Lambda::* in stacks: made, changed and removed, or refused in the API's words."""

import json
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

ANSWER = "def handler(event, context):\n    return {!r}\n"


class Stack:
    """One stack around a function of the same name."""

    def __init__(self, functions: Any) -> None:
        self.functions = functions
        self.name = f"fn-{uuid.uuid4().hex[:8]}"
        self._client = functions.server.client("cloudformation")

    def template(self, *, answer: str = "one", without: str = "", **more: Any) -> str:
        """Return a template: `Function` holds properties of the function, other names are resources."""
        properties = {
            "FunctionName": self.name,
            "Role": self.functions.role,
            "Runtime": "python3.11",
            "Handler": "index.handler",
            "Code": {"ZipFile": ANSWER.format(answer)},
        } | more.pop("Function", {})
        properties.pop(without, None)
        resources = {"Function": {"Type": "AWS::Lambda::Function", "Properties": properties}} | more
        outputs = {}
        for name, attribute in (("Version", "Version"), ("Url", "FunctionUrl")):
            if name in more:
                outputs[name] = {"Value": {"Fn::GetAtt": [name, attribute]}}
        if "Alias" in more:
            outputs["Alias"] = {"Value": {"Ref": "Alias"}}
        return json.dumps({"Resources": resources, "Outputs": outputs})

    def create(self, **template: Any) -> str:
        """Create the stack; return its status."""
        self._client.create_stack(StackName=self.name, TemplateBody=self.template(**template))
        return self.status()

    def update(self, **template: Any) -> str:
        """Update the stack; return its status."""
        self._client.update_stack(StackName=self.name, TemplateBody=self.template(**template))
        return self.status()

    def status(self) -> str:
        """Return its status."""
        return str(self._client.describe_stacks(StackName=self.name)["Stacks"][0]["StackStatus"])

    def outputs(self) -> dict[str, str]:
        """Return its outputs."""
        (stack,) = self._client.describe_stacks(StackName=self.name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def reason(self) -> str:
        """Return why the last resource, or the last update, failed."""
        events = self._client.describe_stack_events(StackName=self.name)["StackEvents"]
        failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
        return str(failed[0]["ResourceStatusReason"])

    def delete(self) -> None:
        """Delete the stack."""
        self._client.delete_stack(StackName=self.name)


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    """Return a resource of AWS::Lambda."""
    return {"Type": f"AWS::Lambda::{kind}", "Properties": properties}


@pytest.fixture
def stack(functions: Any) -> Iterator[Stack]:
    """A stack that is not there yet, and takes away afterwards what it has reserved."""
    stack = Stack(functions)
    yield stack
    stack.delete()


SETTINGS = {
    "Architectures": ["arm64"],
    "Description": "what it is",
    "EphemeralStorage": {"Size": "600"},
    "LoggingConfig": {"LogFormat": "JSON"},
    "MemorySize": "256",
    "ReservedConcurrentExecutions": "2",
    "Tags": [{"Key": "team", "Value": "dogs"}],
    "Timeout": "7",
    "TracingConfig": {"Mode": "Active"},
}


def test_every_property_of_a_function_counts(functions: Any, stack: Stack) -> None:
    lam = functions.lam
    assert stack.create(Function=SETTINGS) == "CREATE_COMPLETE"
    found = lam.get_function(FunctionName=stack.name)
    made = found["Configuration"]
    assert (made["Timeout"], made["MemorySize"], made["EphemeralStorage"]) == (7, 256, {"Size": 600})
    assert (made["Architectures"], made["Description"]) == (["arm64"], "what it is")
    assert (made["LoggingConfig"]["LogFormat"], made["TracingConfig"]) == ("JSON", {"Mode": "Active"})
    assert (found["Tags"], found["Concurrency"]) == ({"team": "dogs"}, {"ReservedConcurrentExecutions": 2})
    stack.delete()
    with pytest.raises(ClientError, match="Function not found"):
        lam.get_function(FunctionName=stack.name)


def test_an_update_takes_back_what_the_template_no_longer_says(functions: Any, stack: Stack) -> None:
    lam = functions.lam
    stack.create(Function=SETTINGS)
    lam.get_waiter("function_active_v2").wait(FunctionName=stack.name)
    assert stack.update(answer="two") == "UPDATE_COMPLETE"
    lam.get_waiter("function_updated_v2").wait(FunctionName=stack.name)
    found = lam.get_function(FunctionName=stack.name)
    made = found["Configuration"]
    assert (made["Timeout"], made["MemorySize"], made["EphemeralStorage"]) == (3, 128, {"Size": 512})
    assert (made["Description"], made["LoggingConfig"]["LogFormat"]) == ("", "Text")
    assert not {"Concurrency", "Tags"} & found.keys()
    assert functions.invoke(stack.name).json == "two"


def test_stock_moto_passes_over_what_a_function_is_to_be(functions: Any, stack: Stack) -> None:
    template = stack.template(Function={"Tags": SETTINGS["Tags"], "EphemeralStorage": {"Size": 600}})
    with mock_aws():
        trust = json.dumps({"Statement": [{"Principal": {"Service": "lambda.amazonaws.com"}}]})
        boto3.client("iam", region_name="us-east-1").create_role(
            RoleName=functions.role.rpartition("/")[2], AssumeRolePolicyDocument=trust
        )
        boto3.client("cloudformation", region_name="us-east-1").create_stack(
            StackName=stack.name, TemplateBody=template
        )
        made = boto3.client("lambda", region_name="us-east-1").get_function(FunctionName=stack.name)
    assert made["Configuration"]["EphemeralStorage"] == {"Size": 512}
    assert not made.get("Tags")


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"Timeout": "0"}, "Value '0' at 'timeout' failed to satisfy constraint: Member must have value gr"),
        ({"Timeout": 901}, "Value '901' at 'timeout' failed to satisfy constraint: Member must have value l"),
        ({"MemorySize": "lots"}, "STRING_VALUE can not be converted to an Integer"),
        ({"PackageType": "Tar"}, "at 'packageType' failed to satisfy constraint: Member must satisfy enum"),
        ({"Runtime": "python2.7"}, "The runtime parameter of python2.7 is no longer supported"),
        (
            {"Role": "nobody"},
            "at 'role' failed to satisfy constraint: Member must satisfy regular expression",
        ),
        ({"RecursiveLoop": "Allow"}, "localaws does not implement the property RecursiveLoop of AWS::Lambda"),
        ({"DurableConfig": {}}, "localaws does not implement the property DurableConfig"),
        ({"ReservedConcurrentExecutions": 950}, "decreases account's UnreservedConcurrentExecution below"),
        ({"ReservedConcurrentExecutions": -1}, "Member must have value greater than or equal to 0"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_what_a_function_cannot_be_fails_the_stack_in_the_apis_words(
    functions: Any, stack: Stack, properties: dict[str, Any], reason: str
) -> None:
    assert stack.create(Function=properties) == "ROLLBACK_COMPLETE"
    assert reason in stack.reason()
    with pytest.raises(ClientError, match="Function not found"):
        functions.lam.get_function(FunctionName=stack.name)


def test_a_function_is_not_renamed_in_silence(stack: Stack) -> None:
    stack.create()
    assert stack.update(Function={"FunctionName": f"{stack.name}-other"}) == "UPDATE_ROLLBACK_COMPLETE"
    assert "localaws does not replace functions: FunctionName of" in stack.reason()


def test_versions_and_aliases_are_made_and_follow(functions: Any, stack: Stack) -> None:
    lam, function = functions.lam, {"Ref": "Function"}
    version = resource("Version", FunctionName=function, Description="first")
    alias = resource(
        "Alias", FunctionName=function, Name="live", FunctionVersion={"Fn::GetAtt": ["Version", "Version"]}
    )
    assert stack.create(Version=version, Alias=alias) == "CREATE_COMPLETE"
    assert stack.outputs()["Version"] == "1"
    assert stack.outputs()["Alias"].endswith(f":function:{stack.name}:live")
    made = lam.get_alias(FunctionName=stack.name, Name="live")
    assert (made["FunctionVersion"], made["Description"]) == ("1", "")
    assert lam.get_function_configuration(FunctionName=stack.name, Qualifier="1")["Description"] == "first"
    lam.get_waiter("function_active_v2").wait(FunctionName=stack.name)
    assert functions.invoke(stack.name, Qualifier="live").json == "one"
    second = resource("Version", FunctionName=function)
    weights = {"AdditionalVersionWeights": [{"FunctionVersion": "1", "FunctionWeight": "0.5"}]}
    moved = resource(
        "Alias",
        FunctionName=function,
        Name="live",
        Description="two",
        FunctionVersion={"Fn::GetAtt": ["Second", "Version"]},
        RoutingConfig=weights,
    )
    assert stack.update(Version=version, Second=second, Alias=alias) == "UPDATE_ROLLBACK_COMPLETE"
    assert "A version for this Lambda function exists ( 1 ). Modify the function" in stack.reason()
    status = stack.update(answer="two", Version=version, Second=second, Alias=moved)
    assert status == "UPDATE_COMPLETE"
    made = lam.get_alias(FunctionName=stack.name, Name="live")
    assert (made["FunctionVersion"], made["Description"]) == ("2", "two")
    assert made["RoutingConfig"] == {"AdditionalVersionWeights": {"1": 0.5}}


def test_a_url_with_its_permissions_answers(functions: Any, stack: Stack) -> None:

    function = {"Ref": "Function"}
    permissions = {
        action: resource("Permission", FunctionName=function, Action=f"lambda:{action}", Principal="*")
        for action in ("InvokeFunctionUrl", "InvokeFunction")
    }
    url = resource("Url", TargetFunctionArn=function, AuthType="NONE", Cors={"MaxAge": "60"})
    assert stack.create(Url=url, **permissions) == "CREATE_COMPLETE"
    functions.lam.get_waiter("function_active_v2").wait(FunctionName=stack.name)
    with urllib.request.urlopen(stack.outputs()["Url"], timeout=60) as answer:
        assert answer.read() == b"one"
    assert functions.lam.get_function_url_config(FunctionName=stack.name)["Cors"] == {"MaxAge": 60}
    assert stack.update(**permissions) == "UPDATE_COMPLETE", "the URL is no longer in the template"
    with pytest.raises(ClientError, match="The resource you requested does not exist"):
        functions.lam.get_function_url_config(FunctionName=stack.name)
    assert stack.update(answer="one", InvokeFunction=permissions["InvokeFunction"]) == "UPDATE_COMPLETE"
    policy = json.loads(functions.lam.get_policy(FunctionName=stack.name)["Policy"])
    assert [statement["Action"] for statement in policy["Statement"]] == ["lambda:InvokeFunction"]


def test_settings_of_events_come_and_go_with_a_stack(functions: Any, stack: Stack) -> None:
    lam, function = functions.lam, {"Ref": "Function"}
    config = resource(
        "EventInvokeConfig", FunctionName=function, Qualifier="$LATEST", MaximumRetryAttempts="1"
    )
    assert stack.create(Config=config) == "CREATE_COMPLETE"
    assert lam.get_function_event_invoke_config(FunctionName=stack.name)["MaximumRetryAttempts"] == 1
    other = resource(
        "EventInvokeConfig", FunctionName=function, Qualifier="$LATEST", MaximumEventAgeInSeconds=60
    )
    assert stack.update(Config=other) == "UPDATE_COMPLETE"
    found = lam.get_function_event_invoke_config(FunctionName=stack.name)
    assert (found["MaximumEventAgeInSeconds"], "MaximumRetryAttempts" in found) == (60, False)
    stack.update()
    with pytest.raises(ClientError, match="doesn't have an EventInvokeConfig"):
        lam.get_function_event_invoke_config(FunctionName=stack.name)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (resource("Alias", Name="5", FunctionVersion="$LATEST"), "at 'name' failed to satisfy constraint"),
        (resource("Alias", Name="live", FunctionVersion="7"), "Function not found"),
        (resource("Alias", Name="live"), "Value null at 'functionVersion' failed to satisfy constraint"),
        (resource("Version", CodeSha256="x"), "CodeSHA256 (x) is different from current CodeSHA256"),
        (resource("Version", RuntimePolicy={}), "does not implement the property RuntimePolicy of AWS::La"),
        (resource("Permission", Action="s3:Get", Principal="*"), "at 'action' failed to satisfy constraint"),
        (resource("Permission", Action="*", Principal="me"), "The provided principal was invalid"),
        (resource("EventInvokeConfig", Qualifier="$LATEST", MaximumRetryAttempts=3), "'maximumRetryAttempts"),
        (resource("EventInvokeConfig", Qualifier="$LATEST"), "You must specify at least one of error hand"),
        (resource("CodeSigningConfig"), "localaws does not implement AWS::Lambda::CodeSigningConfig"),
        (resource("LayerVersionPermission"), "localaws does not implement AWS::Lambda::LayerVersionPerm"),
    ],
    ids=lambda value: value["Type"] if isinstance(value, dict) else "",
)
def test_what_a_resource_cannot_be_fails_the_stack(stack: Stack, wrong: Any, reason: str) -> None:
    wrong = wrong | {"Properties": wrong["Properties"] | {"FunctionName": {"Ref": "Function"}}}
    assert stack.create(Wrong=wrong) == "ROLLBACK_COMPLETE"
    assert reason in stack.reason()


def test_provisioned_concurrency_comes_with_a_version(functions: Any, stack: Stack) -> None:
    provisioned = {"ProvisionedConcurrentExecutions": "1"}
    version = resource("Version", FunctionName={"Ref": "Function"}, ProvisionedConcurrencyConfig=provisioned)
    assert stack.create(Version=version) == "CREATE_COMPLETE"
    found = functions.lam.get_provisioned_concurrency_config(FunctionName=stack.name, Qualifier="1")
    assert found["RequestedProvisionedConcurrentExecutions"] == 1
