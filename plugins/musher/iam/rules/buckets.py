"""Rules about buckets: who gets at them, and how their objects are kept."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from musher.iam.account import Account, Bucket
from musher.iam.documents import Statement
from musher.iam.findings import Call, Evidence, Finding, Limits, Remedy
from musher.iam.patterns import ANY, covers_action
from musher.iam.remedies import write
from musher.iam.rules.rule import Rule

GUIDE = "https://docs.aws.amazon.com/AmazonS3/latest/userguide"
BLOCK_PAGE = f"{GUIDE}/access-control-block-public-access.html"
ENCRYPTION_PAGE = f"{GUIDE}/default-bucket-encryption.html"
VERSIONS_PAGE = f"{GUIDE}/Versioning.html"
TLS_PAGE = f"{GUIDE}/security-best-practices.html"
BLOCKED = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)
FOR_SOME = {"aws:sourcevpc", "aws:sourcevpce", "aws:sourceip", "aws:sourcearn", "aws:sourceaccount"}
FOR_SOME |= {"aws:principalorgid", "aws:principalarn", "aws:principalaccount", "s3:dataaccesspointaccount"}
"""Keys by which AWS does not count a statement for everybody as public."""


def _arn(account: Account, bucket: Bucket) -> str:
    return f"arn:{account.partition}:s3:::{bucket.name}"


def _put(method: str, bucket: Bucket, arguments: Mapping[str, Any]) -> Call:
    return Call(service="s3", method=method, arguments={"Bucket": bucket.name, **arguments})


def _setting(
    account: Account,
    bucket: Bucket,
    *,
    rule: str,
    severity: str,
    title: str,
    text: str,
    call: Call,
    page: str,
) -> Finding:
    return Finding(
        rule=rule,
        severity=severity,
        resource=_arn(account, bucket),
        title=f"The bucket {bucket.name} {title}",
        evidence=(Evidence(path=f"bucket/{bucket.name}/{rule}", found=None),),
        remedy=Remedy(text=text, calls=(call,)),
        page=page,
    )


def is_public(statement: Statement) -> bool:
    """Return whether a statement of a resource's policy allows something to everybody."""
    return (
        statement.is_allow
        and (ANY in statement.principals.get("AWS", ()) or statement.has_not_principal)
        and not FOR_SOME & statement.condition_keys
    )


def find_public_bucket(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give the statements of bucket policies that allow something to everybody."""
    for bucket in account.buckets or ():
        for statement in bucket.policy.statements if bucket.policy else ():
            if not is_public(statement):
                continue
            writes = any(covers_action(pattern, "s3:PutObject") for pattern in statement.actions)
            yield Finding(
                rule="public-bucket",
                severity="critical" if writes or not bucket.is_public_blocked else "high",
                resource=_arn(account, bucket),
                title=f"The policy of bucket {bucket.name} lets everybody {'write' if writes else 'in'}",
                evidence=(
                    Evidence.of(bucket.policy, f"{statement.pointer}/Principal", statement.raw)
                    if bucket.policy
                    else Evidence(path="", found=None),
                ),
                remedy=Remedy(
                    text="Name who may, and block public access. Until then, leave the statement out:",
                    calls=(
                        _put("put_public_access_block", bucket, {"PublicAccessBlockConfiguration": BLOCKED}),
                        _leave_out(bucket, statement),
                    ),
                ),
                page=BLOCK_PAGE,
                detail=str(statement.raw.get("Sid") or statement.raw),
            )


def _leave_out(bucket: Bucket, statement: Statement) -> Call:
    """Write the policy without a statement; a policy of no other goes."""
    statements = bucket.policy.statements if bucket.policy else ()
    rest = [found.raw for found in statements if found is not statement]
    if not rest or bucket.policy is None:
        return _put("delete_bucket_policy", bucket, {})
    before = bucket.policy.raw
    document = {**before, "Statement": rest}
    return Call(
        service="s3",
        method="put_bucket_policy",
        arguments={"Bucket": bucket.name, "Policy": json.dumps(document)},
        before=before,
        after=document,
    )


def find_public_access_block(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give the buckets that can be made public."""
    for bucket in account.buckets or ():
        if bucket.is_public_blocked is False:
            yield _setting(
                account,
                bucket,
                rule="bucket-can-be-public",
                severity="medium",
                title="does not block public access",
                text="Block it:",
                call=_put("put_public_access_block", bucket, {"PublicAccessBlockConfiguration": BLOCKED}),
                page=BLOCK_PAGE,
            )


def find_unencrypted(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give the buckets without an encryption of their own."""
    for bucket in account.buckets or ():
        if bucket.is_encrypted is False:
            rule = {
                "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
                "BucketKeyEnabled": True,
            }
            yield _setting(
                account,
                bucket,
                rule="bucket-unencrypted",
                severity="medium",
                title="has no encryption by default",
                text="Encrypt by S3's own keys, or name one of KMS:",
                call=_put(
                    "put_bucket_encryption", bucket, {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}
                ),
                page=ENCRYPTION_PAGE,
            )


def find_unversioned(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give the buckets in which what is overwritten or deleted is gone."""
    for bucket in account.buckets or ():
        if bucket.is_versioned is False:
            yield _setting(
                account,
                bucket,
                rule="bucket-unversioned",
                severity="low",
                title="keeps no versions",
                text="Keep them, and let a lifecycle rule end old ones:",
                call=_put(
                    "put_bucket_versioning", bucket, {"VersioningConfiguration": {"Status": "Enabled"}}
                ),
                page=VERSIONS_PAGE,
            )


def find_without_tls(account: Account, limits: Limits) -> Iterator[Finding]:
    """Give the buckets that answer unencrypted requests."""
    for bucket in account.buckets or ():
        if bucket.has_policy is None or any(
            _denies_plain(statement) for statement in (bucket.policy.statements if bucket.policy else ())
        ):
            continue
        arn = _arn(account, bucket)
        added = {
            "Sid": "EncryptedConnectionsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        before = bucket.policy.raw if bucket.policy else None
        kept = [found.raw for found in bucket.policy.statements] if bucket.policy else []
        document = {**(before or {}), **write([*kept, added])}
        call = Call(
            service="s3",
            method="put_bucket_policy",
            arguments={"Bucket": bucket.name, "Policy": json.dumps(document)},
            before=before,
            after=document,
        )
        is_whole = bucket.policy is None or not bucket.policy.flaws
        yield Finding(
            rule="bucket-without-tls",
            severity="medium",
            resource=arn,
            title=f"The bucket {bucket.name} answers requests without TLS",
            evidence=(Evidence(path=f"bucket/{bucket.name}/policy.json", found=before),),
            remedy=Remedy(text="Deny them:", document=document, calls=(call,) if is_whole else ()),
            page=TLS_PAGE,
        )


def _denies_plain(statement: Statement) -> bool:
    is_everybody = ANY in statement.principals.get("AWS", ())
    plain = statement.values_of("aws:securetransport") == ("false",)
    return statement.effect == "Deny" and is_everybody and plain and "s3:*" in statement.actions


RULES = (
    Rule(
        id="public-bucket",
        severities=("high", "critical"),
        title="A bucket's policy lets everybody in",
        page=BLOCK_PAGE,
        find=find_public_bucket,
    ),
    Rule(
        id="bucket-can-be-public",
        severities=("medium",),
        title="A bucket does not block public access",
        page=BLOCK_PAGE,
        find=find_public_access_block,
    ),
    Rule(
        id="bucket-unencrypted",
        severities=("medium",),
        title="A bucket has no encryption by default",
        page=ENCRYPTION_PAGE,
        find=find_unencrypted,
    ),
    Rule(
        id="bucket-unversioned",
        severities=("low",),
        title="A bucket keeps no versions",
        page=VERSIONS_PAGE,
        find=find_unversioned,
    ),
    Rule(
        id="bucket-without-tls",
        severities=("medium",),
        title="A bucket answers requests without TLS",
        page=TLS_PAGE,
        find=find_without_tls,
    ),
)
