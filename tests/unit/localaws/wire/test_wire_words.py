"""In which order the words of an enumeration are listed, held against lists that AWS has answered."""

import pytest

from localaws.wire.compiler import find_model
from localaws.wire.words import as_in_set, as_listed, java_hash

TRAINING = (
    "ml.p2.xlarge ml.m5.4xlarge ml.m4.16xlarge ml.p3.16xlarge ml.m5.large ml.p2.16xlarge "
    "ml.c4.2xlarge ml.c5.2xlarge ml.c4.4xlarge ml.c5.4xlarge ml.c4.8xlarge ml.c5.9xlarge "
    "ml.c5.xlarge ml.c4.xlarge ml.c5.18xlarge ml.p3.2xlarge ml.m5.xlarge ml.m4.10xlarge "
    "ml.m5.12xlarge ml.m4.xlarge ml.m5.24xlarge ml.m4.2xlarge ml.p2.8xlarge ml.m5.2xlarge "
    "ml.p3.8xlarge ml.m4.4xlarge"
)
"""Of CreateTrainingJob in 2018, in a notebook on GitHub."""
VARIANTS = (
    "ml.r5d.12xlarge ml.r5.12xlarge ml.p2.xlarge ml.m5.4xlarge ml.m4.16xlarge ml.r5d.24xlarge "
    "ml.r5.24xlarge ml.p3.16xlarge ml.m5d.xlarge ml.m5.large ml.t2.xlarge ml.p2.16xlarge "
    "ml.m5d.12xlarge ml.inf1.2xlarge ml.m5d.24xlarge ml.c4.2xlarge ml.c5.2xlarge ml.c4.4xlarge "
    "ml.inf1.6xlarge ml.c5d.2xlarge ml.c5.4xlarge ml.g4dn.xlarge ml.g4dn.12xlarge ml.c5d.4xlarge "
    "ml.g4dn.2xlarge ml.c4.8xlarge ml.c4.large ml.c5d.xlarge ml.c5.large ml.g4dn.4xlarge "
    "ml.c5.9xlarge ml.g4dn.16xlarge ml.c5d.large ml.c5.xlarge ml.c5d.9xlarge ml.c4.xlarge "
    "ml.inf1.xlarge ml.g4dn.8xlarge ml.inf1.24xlarge ml.m5d.2xlarge ml.t2.2xlarge ml.c5d.18xlarge "
    "ml.m5d.4xlarge ml.t2.medium ml.c5.18xlarge ml.r5d.2xlarge ml.r5.2xlarge ml.p3.2xlarge "
    "ml.m5d.large ml.m5.xlarge ml.m4.10xlarge ml.t2.large ml.r5d.4xlarge ml.r5.4xlarge "
    "ml.m5.12xlarge ml.m4.xlarge ml.m5.24xlarge ml.m4.2xlarge ml.p2.8xlarge ml.m5.2xlarge "
    "ml.r5d.xlarge ml.r5d.large ml.r5.xlarge ml.r5.large ml.p3.8xlarge"
)
"""Of CreateEndpointConfig in 2021, in the notes of a project on GitHub, but for the last."""
CLUSTERS = (
    "ml.m5.4xlarge ml.trn1.32xlarge ml.p5.48xlarge ml.p4d.24xlarge ml.t3.xlarge ml.m5.8xlarge "
    "ml.m5.large ml.g5.2xlarge ml.g5.4xlarge ml.c5.2xlarge ml.c5.4xlarge ml.g5.8xlarge "
    "ml.c5n.18xlarge ml.c5.large ml.c5.9xlarge ml.c5.xlarge ml.c5.12xlarge ml.c5.24xlarge "
    "ml.trn1n.32xlarge ml.c5n.2xlarge ml.g5.xlarge ml.t3.2xlarge ml.t3.medium ml.g5.12xlarge "
    "ml.c5n.4xlarge ml.g5.24xlarge ml.c5.18xlarge ml.g5.48xlarge ml.g5.16xlarge ml.m5.xlarge "
    "ml.c5n.large ml.t3.large ml.m5.12xlarge ml.c5n.9xlarge ml.m5.24xlarge ml.m5.2xlarge "
    "ml.m5.16xlarge ml.p4de.24xlarge"
)
"""Of CreateCluster in 2023, in a script for HyperPod."""
RUNTIMES_2021 = (
    "nodejs12.x python3.6 provided nodejs14.x ruby2.7 java11 go1.x provided.al2 java8 java8.al2 "
    "dotnetcore3.1 python3.7 python3.8"
)
"""Of Lambda's CreateFunction, in a message that a user of the Serverless framework was shown."""
RUNTIMES_2023 = (
    "java17 provided nodejs16.x nodejs14.x ruby2.7 python3.10 java11 python3.11 dotnet6 go1.x nodejs18.x "
    "provided.al2 java8 java8.al2 ruby3.2 python3.7 python3.8 python3.9"
)
"""The same, as LocalStack has recorded it."""


@pytest.mark.parametrize(
    ("service", "enumeration", "answered"),
    [
        ("sagemaker", "TrainingInstanceType", TRAINING),
        ("sagemaker", "ProductionVariantInstanceType", VARIANTS),
        ("sagemaker", "ClusterInstanceType", CLUSTERS),
        ("ssm", "ParameterType", "SecureString StringList String"),
        ("logs", "OutputFormat", "w3c raw json plain parquet"),
        (
            "ecr",
            "ImageTagMutability",
            "IMMUTABLE MUTABLE MUTABLE_WITH_EXCLUSION IMMUTABLE_WITH_EXCLUSION",
        ),
    ],
)
def test_words_of_models_are_listed_as_aws_has_listed_them(
    service: str, enumeration: str, answered: str
) -> None:
    model, words = find_model(service), answered.split()
    assert model is not None
    known = [word for word in model.shape_for(enumeration).enum if word in words]
    assert as_listed(known) == words


@pytest.mark.parametrize("answered", [RUNTIMES_2021, RUNTIMES_2023])
def test_runtimes_are_listed_as_lambda_has_listed_them(answered: str) -> None:
    words = answered.split()
    assert as_in_set(words) == words
    assert as_in_set(reversed(words)) != words[::-1]


def test_of_words_at_one_place_the_latest_of_the_model_comes_first() -> None:
    assert java_hash("Aa") == java_hash("BB") == 2112
    assert as_listed(["Aa", "BB"]) == ["BB", "Aa"]
    assert as_in_set(["Aa", "BB"]) == ["Aa", "BB"]
