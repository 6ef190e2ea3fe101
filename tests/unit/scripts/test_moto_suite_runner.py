"""How the outcomes of moto's tests are read, and held against the list."""

from pathlib import Path

import pytest

from scripts.moto_suite.adaptations import Adaptation, adapt
from scripts.moto_suite.differences import KINDS, Difference, compare, read_differences
from scripts.moto_suite.sources import locked
from scripts.moto_suite.suite import FAILED, PASSED, SKIPPED, Outcome, read_report

REPORT = """<testsuites><testsuite>
<testcase classname="tests.test_s3.test_s3" name="test_a"/>
<testcase classname="tests.test_s3.test_attributes.TestAttributes" name="test_b[1]">
<failure message="assert 1 == 2">E</failure></testcase>
<testcase classname="tests.test_s3.test_s3" name="test_c"><skipped/></testcase>
<testcase classname="tests.test_s3.test_s3" name="test_d"><error message="no fixture"/></testcase>
</testsuite></testsuites>"""


def difference(*tests: str, may_pass: bool = False) -> Difference:
    """Return an entry for tests of S3."""
    return Difference(service="s3", kind="refused", because="of AWS", tests=tests, may_pass=may_pass)


def test_a_report_tells_what_came_of_each_test(tmp_path: Path) -> None:
    (tmp_path / "s3.xml").write_text(REPORT)
    outcomes = read_report(tmp_path / "s3.xml")
    assert {name: outcome.status for name, outcome in outcomes.items()} == {
        "test_s3.py::test_a": PASSED,
        "test_attributes.py::TestAttributes::test_b[1]": FAILED,
        "test_s3.py::test_c": SKIPPED,
        "test_s3.py::test_d": FAILED,
    }
    assert outcomes["test_attributes.py::TestAttributes::test_b[1]"].message.startswith("assert 1 == 2")


def test_what_fails_and_is_not_listed_is_told_with_its_message() -> None:
    outcomes = {"a": Outcome(status=FAILED, message="why"), "b": Outcome(status=FAILED)}
    assert str(compare("s3", outcomes, [difference("b")])) == "a fails: why"
    assert str(compare("s3", outcomes, [difference("a", "b")])) == ""
    assert "a" in compare("iam", outcomes, [difference("a", "b")]).unknown


def test_what_is_listed_and_passes_or_is_gone_is_told_too() -> None:
    outcomes = {"a": Outcome(status=PASSED)}
    assert compare("s3", outcomes, [difference("a", "gone")]).outdated == ("a", "gone")


def test_what_hangs_on_the_machine_s_speed_may_pass_but_not_be_gone() -> None:
    outcomes = {"a": Outcome(status=PASSED), "b": Outcome(status=FAILED)}
    assert str(compare("s3", outcomes, [difference("a", "b", may_pass=True)])) == ""
    assert compare("s3", outcomes, [difference("b", "gone", may_pass=True)]).outdated == ("gone",)


def test_tests_are_adapted_by_file_and_told_the_server_s_address(tmp_path: Path) -> None:
    folder = tmp_path / "test_s3"
    folder.mkdir()
    (folder / "a.py").write_text('"old"; "localhost:5000"; "x.localhost:5000"')
    (folder / "b.py").write_text('"old"')
    rules = [Adaptation(files="test_s3/a.py", wrong="o(?:l)d", right="new")]
    adapt(tmp_path, url="http://127.0.0.1:4566", adaptations=rules)
    assert (folder / "a.py").read_text() == '"new"; "127.0.0.1:4566"; "x.localhost:5000"'
    assert (folder / "b.py").read_text() == '"old"'


def test_the_lock_names_moto_with_hashes() -> None:
    assert locked("moto").startswith("moto==")
    assert locked("moto").count("--hash=sha256:") >= 1


def test_each_entry_of_the_list_gives_its_reason() -> None:
    seen: set[tuple[str, str]] = set()
    for entry in read_differences():
        assert entry.kind in KINDS
        assert entry.because
        assert entry.tests
        if entry.kind in ("refused", "otherwise"):
            assert entry.page.startswith(("https://docs.aws.amazon.com/", "https://smithy.io/")), entry
        for test in entry.tests:
            assert (entry.service, test) not in seen, test
            seen.add((entry.service, test))


def test_a_package_that_is_not_locked_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match="does not name"):
        locked("no-such-package")
