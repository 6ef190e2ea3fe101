"""The configuration that puts a model into a shadow, and what its figures say."""

from typing import Any

import pytest

from musher.payloads.choices import CHALLENGER, SHADOW
from musher.payloads.shadows import (
    build_shadow_config,
    count_instances,
    describe_figures,
    describe_lack,
    find_faults,
    find_obstacle,
)
from musher.payloads.tags import as_list, as_mapping, live_tags
from musher.settings import Settings
from musher.shadow_results import VariantFigures
from tests.unit.musher.payloads.test_updates_and_alarms import errors_of

SETTINGS = Settings(account_id="123456789012")
RELEASE, NEW = "musher-00000000-1", "musher-0123abcd-2"
SERVING = {
    "EndpointConfigName": RELEASE,
    "EndpointConfigArn": "arn:release",
    "ProductionVariants": [
        {
            "VariantName": "AllTraffic",
            "ModelName": "old",
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
        }
    ],
    "KmsKeyId": "key",
    "CreationTime": "then",
}
REQUEST = {
    "EndpointConfigName": NEW,
    "ProductionVariants": [
        {
            "VariantName": "AllTraffic",
            "ModelName": "new",
            "InstanceType": "ml.c6i.large",
            "InitialInstanceCount": 1,
        }
    ],
    "Tags": as_list(live_tags(SETTINGS, slug="0123abcd")),
}


def build(
    *, instances: int = 3, percent: int = 50, release: str = RELEASE, role: str = SHADOW
) -> dict[str, Any]:
    """Return the configuration of a new model beside so many instances."""
    return build_shadow_config(
        SETTINGS,
        serving={**SERVING, "EndpointConfigName": release},
        variant={"DesiredInstanceCount": instances, "DesiredWeight": 1.0},
        new=REQUEST,
        percent=percent,
        role=role,
        package_arn="arn:package",
    )


def figures(requests: int, **changes: Any) -> VariantFigures:
    """Return those of a variant without errors."""
    found: Any = {"requests": requests, "errors_4xx": 0, "errors_5xx": 0, "p50_ms": 20.0, "p99_ms": 90.0}
    return {**found, **changes}


def faults(shadow: VariantFigures, *, production: VariantFigures | None = None, due: float = 0) -> list[str]:
    """Return what is wrong with a shadow of a variant that got as many requests, all good."""
    return find_faults(
        production=production or figures(shadow["requests"]),
        shadow=shadow,
        due=due,
        max_error_percent=5,
        max_latency_ms=2000,
    )


def test_what_serves_stays_and_the_new_model_comes_into_its_shadow() -> None:
    config = build()
    assert errors_of("sagemaker", "CreateEndpointConfig", config) == ""
    [production], [shadow] = config["ProductionVariants"], config["ShadowProductionVariants"]
    assert (production["ModelName"], production["InitialInstanceCount"]) == ("old", 3)
    assert (shadow["ModelName"], shadow["InstanceType"]) == ("new", "ml.c6i.large")
    assert (shadow["VariantName"], shadow["InitialInstanceCount"]) == (NEW, 2)
    assert shadow["InitialVariantWeight"] / production["InitialVariantWeight"] == 0.5
    assert config["KmsKeyId"] == "key"


def test_a_challenger_answers_its_share_by_the_weights_of_two_variants() -> None:
    config = build(role=CHALLENGER, percent=20)
    assert errors_of("sagemaker", "CreateEndpointConfig", config) == ""
    champion, challenger = config["ProductionVariants"]
    assert "ShadowProductionVariants" not in config
    assert (champion["VariantName"], challenger["VariantName"]) == ("AllTraffic", NEW)
    assert (challenger["ModelName"], challenger["InitialInstanceCount"]) == ("new", 1)
    weights = [variant["InitialVariantWeight"] for variant in (champion, challenger)]
    assert weights[1] / sum(weights) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ProductionVariants": SERVING["ProductionVariants"] * 2}, "2 production variants already"),
        ({"ShadowProductionVariants": SERVING["ProductionVariants"]}, "a shadow variant"),
        ({"AsyncInferenceConfig": {"OutputConfig": {}}}, "asynchronous"),
        ({"ProductionVariants": [{"ServerlessConfig": {"MemorySizeInMB": 1024}}]}, "serverless"),
    ],
)
def test_what_has_no_challenger_is_named(changes: dict[str, Any], reason: str) -> None:
    assert find_obstacle(SERVING, role=CHALLENGER) is None
    assert reason in str(find_obstacle({**SERVING, **changes}, role=CHALLENGER))


def test_its_tags_say_that_it_is_no_release_of_its_own() -> None:
    tags = as_mapping(build()["Tags"])
    assert (tags["musher:shadow-of"], tags["musher:previous"]) == (RELEASE, RELEASE)
    assert (tags["musher:run"], tags["musher:package"]) == ("0123abcd", "arn:package")


def test_it_is_named_as_the_run_s_own_by_what_it_holds() -> None:
    name = build()["EndpointConfigName"]
    assert name.startswith("musher-0123abcd-")
    assert name == build(instances=8)["EndpointConfigName"]
    changed = build(percent=51), build(release="musher-1"), build(role=CHALLENGER)
    assert len({name, NEW, *(config["EndpointConfigName"] for config in changed)}) == 5


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ProductionVariants": SERVING["ProductionVariants"] * 2}, "2 production variants"),
        ({"AsyncInferenceConfig": {"OutputConfig": {}}}, "asynchronous"),
        ({"ProductionVariants": [{"ServerlessConfig": {"MemorySizeInMB": 1024}}]}, "serverless"),
        ({"ProductionVariants": [{"InstanceType": "ml.inf1.xlarge"}]}, "ml.inf1.xlarge"),
    ],
)
def test_what_aws_refuses_beside_a_shadow_is_named(changes: dict[str, Any], reason: str) -> None:
    assert find_obstacle(SERVING, role=SHADOW) is None
    assert reason in str(find_obstacle({**SERVING, **changes}, role=SHADOW))


@pytest.mark.parametrize(("production", "percent", "instances"), [(1, 1, 1), (4, 100, 4), (3, 34, 2)])
def test_a_shadow_is_as_busy_as_what_serves(production: int, percent: int, instances: int) -> None:
    assert count_instances(production=production, percent=percent) == instances


def test_a_shadow_within_all_limits_has_no_faults() -> None:
    good = figures(1000, errors_5xx=50, p99_ms=2000.0)
    assert (faults(good), describe_lack(good)) == ([], "")


@pytest.mark.parametrize(
    ("shadow", "reason"),
    [
        (figures(1000, errors_5xx=51), "5.1 % of its answers are 5XX (max_error_percent 5)"),
        (figures(10, errors_5xx=10), "100.0 % of its answers are 5XX"),
        (figures(1000, errors_4xx=60), "6.0 % more of the requests with a 4XX"),
        (figures(100, p99_ms=2001.0), "a minute's p99 is 2001 ms (max_latency_ms 2000)"),
    ],
)
def test_each_limit_that_is_missed_is_told_with_its_figure(shadow: VariantFigures, reason: str) -> None:
    [fault] = faults(shadow)
    assert reason in fault


def test_requests_that_are_wrong_themselves_are_no_fault_of_the_shadow() -> None:
    wrong = figures(1000, errors_4xx=400)
    assert faults(wrong, production=figures(1000, errors_4xx=380)) == []


def test_a_shadow_that_hardly_gets_requests_is_dead_not_good() -> None:
    [fault] = faults(figures(8), due=200.4)
    assert fault == "8 of about 200 requests that were due reached it"
    assert faults(figures(100), due=200) == faults(figures(8), due=99) == []


@pytest.mark.parametrize(
    "shadow", [figures(9, errors_5xx=9), figures(99, p99_ms=9000.0), figures(0, p99_ms=None)]
)
def test_few_requests_say_nothing_and_that_is_said(shadow: VariantFigures) -> None:
    assert faults(shadow) == []
    assert (
        describe_lack(shadow)
        == f"{shadow['requests']} requests reached it, and 100 are needed for a judgement"
    )


def test_figures_in_words() -> None:
    assert describe_figures(figures(1234, errors_5xx=2)) == "1,234 requests, 2 5XX, 0 4XX, p50 20, p99 90 ms"
    assert describe_figures(figures(0, p50_ms=None, p99_ms=None)) == "0 requests, 0 5XX, 0 4XX, no times"
