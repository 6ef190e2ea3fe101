"""Names: pure functions of project, account, region and run, within AWS's limits."""

import re

import pytest

from musher import names
from musher.errors import PayloadError
from musher.partitions import dns_suffix_of, partition_of
from musher.settings import Settings

SETTINGS = Settings(account_id="123456789012")
LONGEST = Settings(account_id="123456789012", project="a" * 18, region="ap-southeast-1")
SLUG = "0123abcd"


def test_the_slug_stands_for_one_run() -> None:
    slug = names.run_slug(dag_id="operationalize_model", run_id="manual__2026-01-01T00:00:00+00:00")
    assert len(slug) == 8
    assert int(slug, 16) >= 0
    assert slug == names.run_slug(dag_id="operationalize_model", run_id="manual__2026-01-01T00:00:00+00:00")
    assert slug != names.run_slug(dag_id="operationalize_model", run_id="manual__2026-01-01T00:00:01+00:00")


def test_names_of_a_run() -> None:
    assert names.bucket(SETTINGS) == "musher-123456789012-us-east-1"
    assert names.role_arn(SETTINGS, role="lambda") == "arn:aws:iam::123456789012:role/musher-lambda"
    assert names.training_job(SETTINGS, slug=SLUG) == "musher-train-0123abcd"
    assert names.training_job(SETTINGS, slug=SLUG, attempt=3) == "musher-train-0123abcd-3"
    assert names.embed_job(SETTINGS, features_id="0123456789abcdef") == "musher-embed-0123456789abcdef"
    assert names.search_job(SETTINGS, slug=SLUG) == "musher-search-0123abcd"
    assert names.tuning_job(SETTINGS, slug=SLUG) == "musher-t-0123abcd"
    assert names.endpoint(SETTINGS, slug=SLUG) == names.function(SETTINGS, slug=SLUG) == "musher-0123abcd"


@pytest.mark.parametrize(
    ("region", "partition", "domain"),
    [
        ("us-east-1", "aws", "amazonaws.com"),
        ("eu-central-2", "aws", "amazonaws.com"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
        ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
        ("us-iso-east-1", "aws-iso", "c2s.ic.gov"),
        ("eusc-de-east-1", "aws-eusc", "amazonaws.eu"),
    ],
)
def test_arns_and_registries_are_those_of_the_regions_partition(
    region: str, partition: str, domain: str
) -> None:
    settings = Settings(account_id="123456789012", region=region, training_image="registry/train:1")
    assert names.role_arn(settings, role="sagemaker").startswith(f"arn:{partition}:iam::123456789012:role/")
    volume = names.arn(settings, service="ec2", resource="volume/vol-1")
    assert volume == f"arn:{partition}:ec2:{settings.region}:123456789012:volume/vol-1"
    uri = names.image_uri(settings, tag="0123456789abcdef")
    assert uri == f"123456789012.dkr.ecr.{region}.{domain}/musher-model:0123456789abcdef"


def test_a_region_that_nobody_knows_yet_counts_as_commercial() -> None:
    assert (partition_of("xx-moon-1"), dns_suffix_of("xx-moon-1")) == ("aws", "amazonaws.com")


def test_an_image_is_named_by_the_hash_of_its_content() -> None:
    assert names.image_tag("0123456789abcdef" * 4) == "0123456789abcdef"
    assert names.image_context_key(SETTINGS, context_hash="ff") == "musher/code/ff/image.zip"
    assert names.build_project(SETTINGS) == "musher-image"


def test_keys_lie_below_the_project() -> None:
    assert names.jobs_prefix(SETTINGS) == "musher/jobs"
    assert names.source_key(SETTINGS, code_hash="ff") == "musher/code/ff/sourcedir.tar.gz"
    prefix = names.checkpoints_prefix(SETTINGS, job_name="musher-train-0123abcd", version="89abcdef")
    assert prefix == "musher/jobs/musher-train-0123abcd/checkpoints/89abcdef"
    assert names.function_key(SETTINGS, code_hash="ff") == "musher/lambda/ff/function.zip"
    assert names.s3_uri(SETTINGS, key="musher/jobs") == "s3://musher-123456789012-us-east-1/musher/jobs"


@pytest.mark.parametrize(
    ("name", "following"),
    [
        ("musher-train-0123abcd", "musher-train-0123abcd-2"),
        ("musher-train-0123abcd-2", "musher-train-0123abcd-3"),
        ("musher-train-0123abcd-99", "musher-train-0123abcd-100"),
        ("musher-train-01234567", "musher-train-01234567-2"),
        ("musher-embed-0123456789012345", "musher-embed-0123456789012345-2"),
    ],
)
def test_the_next_attempt_counts_on(name: str, following: str) -> None:
    assert names.next_attempt(name) == following


def test_the_longest_project_keeps_within_every_limit() -> None:
    assert len(names.bucket(LONGEST)) <= 63
    assert len(names.training_job(LONGEST, slug=SLUG, attempt=999)) <= 63
    assert len(names.embed_job(LONGEST, features_id="f" * 16)) <= 63 - len("-999")
    assert len(names.search_job(LONGEST, slug=SLUG)) <= 63 - len("-999")
    assert len(names.function(LONGEST, slug=SLUG)) <= 64


def test_a_tuning_job_of_the_longest_project_has_room_for_99_attempts() -> None:
    """AWS takes 32 characters, about half of what other jobs may have."""
    name = names.tuning_job(LONGEST, slug=SLUG)
    for _ in range(98):
        name = names.next_attempt(name, limit=names.MAX_TUNING_NAME)
    assert name.endswith("-0123abcd-99")
    assert len(name) == 32
    with pytest.raises(PayloadError, match="at most 32 letters"):
        names.next_attempt(name, limit=names.MAX_TUNING_NAME)


def test_a_name_too_long_is_refused_by_name() -> None:
    with pytest.raises(PayloadError, match=r"'musher-x{70}' cannot be a SageMaker name: at most 63"):
        names.endpoint(SETTINGS, slug="x" * 70)


def test_s3_addresses_are_split() -> None:
    assert names.split_s3_uri("s3://bucket/a/b.tar.gz") == ("bucket", "a/b.tar.gz")


@pytest.mark.parametrize(
    "uri", ["bucket/key", "s3://bucket", "s3:///key", "http://bucket/key", "s3://bucket/"]
)
def test_what_is_no_s3_address_is_refused(uri: str) -> None:
    with pytest.raises(PayloadError, match="is not an address of the form s3://bucket/key"):
        names.split_s3_uri(uri)


def test_a_report_s_key_has_128_bits_of_its_run() -> None:
    """These two ids share the 8 digits of their jobs' names."""
    first, second = {"dag_id": "d", "run_id": "manual__5830"}, {"dag_id": "d", "run_id": "manual__30820"}
    assert names.run_slug(**first) == names.run_slug(**second)
    prefixes = {names.report_prefix(SETTINGS, **run) for run in (first, second)}
    assert len(prefixes) == 2
    assert all(re.fullmatch(r"musher/reports/[0-9a-f]{32}", prefix) for prefix in prefixes)


def test_runs_write_below_the_folders_that_are_named_and_below_their_parents() -> None:
    """What a source may not be where it is watched: docs/retraining.md."""
    keys = {
        names.jobs_prefix(SETTINGS),
        names.source_key(SETTINGS, code_hash="c"),
        names.image_context_key(SETTINGS, context_hash="c"),
        names.function_key(SETTINGS, code_hash="c"),
        names.report_prefix(SETTINGS, dag_id="d", run_id="r"),
        names.samples_prefix(SETTINGS, data_hash="d"),
        names.captures_prefix(SETTINGS),
        names.latest_audit_key(SETTINGS),
        names.async_key(SETTINGS, folder="answers", endpoint_name="e"),
    }
    assert {key.split("/")[1] for key in keys} == set(names.WRITTEN_FOLDERS)
    assert all(names.is_written(SETTINGS, key=key) for key in keys | {"", "/", "musher", "musher/"})
    assert not any(names.is_written(SETTINGS, key=key) for key in ("photos", "mush", "musher/jobs-done"))
