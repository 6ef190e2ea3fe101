"""Ways to get more rights than one was given: the actions, whose rights they lead to, and who describes them.

The ways were first collected by Spencer Gietzen,
https://rhinosecuritylabs.com/aws/aws-privilege-escalation-methods-mitigation/, those by SageMaker in its
second part; each page below is AWS's on what the decisive call does.
"""

from dataclasses import dataclass

OWN, ANYBODY, POLICIES, FUNCTIONS, PASSED, MACHINES = (
    "own",
    "anybody",
    "policies",
    "functions",
    "passed",
    "machines",
)
"""Whose rights a way leads to: those of a principal that the statement names; those of whoever has a policy
that it names; those of a function's role; of a role that can be passed; of a machine's role."""

PAGES = {
    "cloudformation": "https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_",
    "codebuild": "https://docs.aws.amazon.com/codebuild/latest/APIReference/API_",
    "ec2": "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_",
    "ecs": "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_",
    "glue": "https://docs.aws.amazon.com/glue/latest/webapi/API_",
    "iam": "https://docs.aws.amazon.com/IAM/latest/APIReference/API_",
    "lambda": "https://docs.aws.amazon.com/lambda/latest/api/API_",
    "sagemaker": "https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_",
    "ssm": "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_",
    "sts": "https://docs.aws.amazon.com/STS/latest/APIReference/API_",
}
"""The service's reference; an action's name follows."""

PASS = "iam:PassRole"  # noqa: S105 - an action


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way: all of the actions are needed; the first one decides."""

    actions: tuple[str, ...]
    target: str
    what: str
    """What somebody does with it."""
    service: str = ""
    """Which a role is passed to."""

    @property
    def id(self) -> str:
        """Return a name for it, of its actions."""
        return "+".join(action.partition(":")[2] for action in self.actions)

    @property
    def page(self) -> str:
        """Return AWS's page on the action that is not PassRole."""
        service, _, name = self.actions[-1 if self.service else 0].partition(":")
        return f"{PAGES[service]}{name}.html"


def _passing(action: str, service: str, what: str, *more: str) -> Way:
    return Way(actions=(PASS, *more, action), target=PASSED, service=service, what=what)


WAYS = (
    Way(
        actions=("iam:CreatePolicyVersion",),
        target=POLICIES,
        what="writes a new default version of a policy, with any rights",
    ),
    Way(
        actions=("iam:SetDefaultPolicyVersion",),
        target=POLICIES,
        what="puts back an older version of a policy, which may allow more",
    ),
    Way(
        actions=("iam:AttachUserPolicy",),
        target=OWN,
        what="attaches AdministratorAccess to a user",
    ),
    Way(
        actions=("iam:AttachGroupPolicy",),
        target=OWN,
        what="attaches AdministratorAccess to a group",
    ),
    Way(
        actions=("iam:AttachRolePolicy",),
        target=OWN,
        what="attaches AdministratorAccess to a role",
    ),
    Way(actions=("iam:PutUserPolicy",), target=OWN, what="writes an inline policy for a user"),
    Way(actions=("iam:PutGroupPolicy",), target=OWN, what="writes an inline policy for a group"),
    Way(actions=("iam:PutRolePolicy",), target=OWN, what="writes an inline policy for a role"),
    Way(
        actions=("iam:UpdateAssumeRolePolicy",),
        target=ANYBODY,
        what="lets itself assume any role",
    ),
    Way(actions=("iam:AddUserToGroup",), target=OWN, what="joins a group of administrators"),
    Way(
        actions=("iam:CreateAccessKey",),
        target=ANYBODY,
        what="makes an access key of another user",
    ),
    Way(
        actions=("iam:CreateLoginProfile",),
        target=ANYBODY,
        what="gives another user a password, and signs in with it",
    ),
    Way(
        actions=("iam:UpdateLoginProfile",),
        target=ANYBODY,
        what="changes another user's password, and signs in with it",
    ),
    Way(
        actions=("iam:DeleteRolePermissionsBoundary",),
        target=OWN,
        what="takes away the boundary that holds a role",
    ),
    Way(
        actions=("iam:DeleteUserPermissionsBoundary",),
        target=OWN,
        what="takes away the boundary that holds a user",
    ),
    Way(actions=("sts:AssumeRole",), target=ANYBODY, what="assumes any role that trusts the account"),
    Way(
        actions=("lambda:UpdateFunctionCode",),
        target=FUNCTIONS,
        what="puts code into a function, which runs with its role",
    ),
    Way(
        actions=("lambda:UpdateFunctionConfiguration",),
        target=FUNCTIONS,
        what="adds a layer to a function, whose code runs with its role",
    ),
    Way(
        actions=("ssm:SendCommand",),
        target=MACHINES,
        what="runs commands in any instance, with its role",
    ),
    Way(
        actions=("ssm:StartSession",),
        target=MACHINES,
        what="opens a shell in any instance, with its role",
    ),
    Way(
        actions=("ec2:ModifyInstanceAttribute", "ec2:StopInstances", "ec2:StartInstances"),
        target=MACHINES,
        what="changes an instance's user data, which runs at its next start with its role",
    ),
    Way(
        actions=("sagemaker:CreatePresignedNotebookInstanceUrl",),
        target=MACHINES,
        what="opens any notebook instance, and works with its role",
    ),
    Way(
        actions=("codebuild:StartBuild",),
        target=MACHINES,
        what="starts any build with commands of its own, with the project's role",
    ),
    _passing(
        "lambda:CreateFunction",
        "lambda.amazonaws.com",
        "runs a function with a role that it may pass",
        "lambda:InvokeFunction",
    ),
    _passing(
        "lambda:CreateEventSourceMapping",
        "lambda.amazonaws.com",
        "lets events run a function with a role that it may pass",
        "lambda:CreateFunction",
    ),
    _passing("ec2:RunInstances", "ec2.amazonaws.com", "starts an instance with a role that it may pass"),
    _passing(
        "sagemaker:CreateNotebookInstance",
        "sagemaker.amazonaws.com",
        "opens a notebook instance with a role that it may pass",
        "sagemaker:CreatePresignedNotebookInstanceUrl",
    ),
    _passing(
        "sagemaker:CreateTrainingJob",
        "sagemaker.amazonaws.com",
        "runs code in a training job with a role that it may pass",
    ),
    _passing(
        "sagemaker:CreateProcessingJob",
        "sagemaker.amazonaws.com",
        "runs code in a processing job with a role that it may pass",
    ),
    _passing(
        "cloudformation:CreateStack",
        "cloudformation.amazonaws.com",
        "makes a stack with a role that it may pass",
    ),
    _passing(
        "codebuild:CreateProject",
        "codebuild.amazonaws.com",
        "builds with a role that it may pass",
        "codebuild:StartBuild",
    ),
    _passing(
        "glue:CreateJob", "glue.amazonaws.com", "runs a job with a role that it may pass", "glue:StartJobRun"
    ),
    _passing(
        "ecs:RegisterTaskDefinition",
        "ecs-tasks.amazonaws.com",
        "runs a container with a role that it may pass",
        "ecs:RunTask",
    ),
)
