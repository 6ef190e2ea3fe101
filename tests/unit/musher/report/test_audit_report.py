"""The page of an audit."""

from typing import Any

from musher.iam.audit import make_audit
from musher.iam.findings import Limits
from musher.iam.records import as_record, compare
from musher.report.audit import render_audit
from tests.unit.musher.iam.accounts import ADMIN, account, bucket, role, unseen


def record(**parts: Any) -> dict[str, Any]:
    """Return the record of an account of these parts."""
    return as_record(make_audit(account(**parts), Limits()))


def test_a_clean_account_has_a_page() -> None:
    page = render_audit(record(), run_id="manual__1", changes=None)
    assert "<h1>0 findings in account 123456789012</h1>" in page
    assert "Nothing was found." in page
    assert "Not looked at" not in page


def test_a_finding_has_its_statement_its_remedy_and_its_page() -> None:
    page = render_audit(record(roles=(role("musher-r", ADMIN),)), run_id="manual__1", changes=None)
    assert "<h1>1 finding in account" in page
    assert "role/musher-r/policies/own.json:6:17 /Statement/0/Action" in page
    assert "aws iam delete-role-policy --role-name musher-r --policy-name own" in page
    assert 'href="https://docs.aws.amazon.com/IAM/' in page


def test_what_was_not_seen_comes_first() -> None:
    page = render_audit(record(unseen=(unseen("functions"),)), run_id="manual__1", changes=None)
    assert page.index("Not looked at") < page.index("By severity")
    assert "functions" in page


def test_before_and_after_are_side_by_side() -> None:
    before = record(buckets=(bucket(is_versioned=False),))
    after = record(roles=(role("musher-r", ADMIN),))
    page = render_audit(after, run_id="manual__2", changes=compare(before, after))
    assert "Before and after" in page
    assert '<td class="critical">critical</td><td class="number">0</td><td class="number">1</td>' in page
    assert "Gone:</span> The bucket musher-data keeps no versions" in page


def test_names_from_the_account_cannot_write_html() -> None:
    page = render_audit(
        record(buckets=(bucket("<script>alert(1)</script>", is_versioned=False),)), run_id="<b>", changes=None
    )
    assert "<script>" not in page
    assert "<b>" not in page
