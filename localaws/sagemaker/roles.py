"""Refuse a role that SageMaker could not assume."""

from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends
from moto.sagemaker.exceptions import AWSValidationException

from localaws.iam.trust import trusts_service

PRINCIPAL = "sagemaker.amazonaws.com"


def check_role(role_arn: str) -> None:
    """Refuse a role that does not exist, or does not trust SageMaker."""
    parts = role_arn.split(":", 5)
    if len(parts) != 6:
        raise _not_assumable(role_arn)
    partition, account_id = parts[1], parts[4]
    try:
        role = iam_backends[account_id][partition].get_role_by_arn(role_arn)
    except NotFoundException as error:
        raise _not_assumable(role_arn) from error
    if not trusts_service(role.assume_role_policy_document, service=PRINCIPAL):
        raise _not_assumable(role_arn)


def _not_assumable(role_arn: str) -> AWSValidationException:
    return AWSValidationException(
        f"Could not assume role {role_arn}. Please ensure that the role exists and allows principal "
        f"'{PRINCIPAL}' to assume the role."
    )
