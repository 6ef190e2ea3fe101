"""The cases: which faults each call meets, what rules localaws is given, what is drawn and counted."""

import pytest

from benchmarks.chaos.cases import Outcome, draw, list_cases, mix, summarise
from benchmarks.chaos.faults import ATTEMPTS, FAULTS
from benchmarks.chaos.sites import Site
from localaws.faults.validation import parse_rules


def site(action: str, *, number: int = 1, part: str = "register", service: str = "sagemaker") -> Site:
    """Return a site of one operation."""
    position = "first" if number == 1 else "last"
    return Site(part=part, service=service, action=action, position=position, number=number)


def faults_of(found: Site) -> set[str]:
    """Return the names of the faults that a site meets."""
    return {case.fault_name for case in list_cases([found])}


@pytest.mark.parametrize("name", FAULTS)
def test_localaws_takes_the_rules_of_each_fault(name: str) -> None:
    rules = FAULTS[name].rules(site("DescribeEndpoint", number=2))
    assert parse_rules(rules)
    assert rules[0]["nth"] == 2


def test_a_lasting_fault_meets_all_of_botocore_s_tries() -> None:
    assert [rule["nth"] for rule in FAULTS["throttled"].rules(site("CreateModel", number=3))] == [
        3 + more for more in range(ATTEMPTS)
    ]


def test_a_write_is_lost_before_and_after_its_effect_and_its_process_killed_at_both() -> None:
    assert {"reset-before", "reset-after", "lost", "kill-before", "kill-after"} <= faults_of(
        site("CreateModel")
    )


def test_a_read_has_no_effect_that_could_be_lost() -> None:
    assert faults_of(site("DescribeModel")).isdisjoint({"reset-after", "lost", "kill-after"})


def test_an_answer_is_stale_only_where_the_same_may_have_been_asked_before() -> None:
    assert "stale" not in faults_of(site("DescribeModel"))
    assert "stale" in faults_of(site("DescribeModel", number=2))
    assert "stale" not in faults_of(site("GetObject", number=2, service="s3"))


def test_an_answer_without_a_body_is_not_truncated() -> None:
    assert "truncated" not in faults_of(site("HeadObject", service="s3"))


def test_a_part_that_takes_long_meets_fewer_faults() -> None:
    assert "slow" in faults_of(site("CreateModel"))
    assert "slow" not in faults_of(site("CreateTrainingJob", part="train"))


def test_a_seed_draws_the_same_cases_in_their_order() -> None:
    cases = list_cases([site("CreateModel"), site("DescribeModel")])
    drawn = draw(cases, count=5, seed=3)
    assert drawn == draw(cases, count=5, seed=3) != draw(cases, count=5, seed=4)
    assert sorted(drawn, key=cases.index) == drawn
    assert draw(cases, count=1000, seed=3) == cases


def test_a_seed_mixes_all_cases_in_the_same_way() -> None:
    cases = list_cases([site("CreateModel"), site("CreateModel", part="trial")])
    mixed = mix(cases, seed=3)
    assert mixed == mix(cases, seed=3) != cases
    assert sorted(mixed, key=cases.index) == cases


def test_a_case_has_the_name_that_repeats_it() -> None:
    assert list_cases([site("CreateModel")])[0].name == "register/sagemaker:CreateModel/first/throttle"


def test_a_case_whose_fault_did_not_take_place_shows_nothing() -> None:
    good = Outcome(case="a", fired=1, is_finished=True)
    idle = Outcome(case="b", fired=0, is_finished=True)
    bad = Outcome(
        case="c", fired=2, is_finished=True, orphans=["endpoint x"], duplicates=["2 x training job"]
    )
    figures = summarise([good, idle, bad], seconds=1.0)
    assert (figures["cases"], figures["same_end_state"], figures["not_fired"]) == (2, 1, 1)
    assert (figures["duplicates"], figures["orphans"]) == (1, 1)


def test_an_undisturbed_run_is_no_case_and_tells_whether_the_others_show_anything() -> None:
    case = Outcome(case="train/s3:PutObject/first/lost", fired=1, is_finished=True)
    for is_finished in (True, False):
        undisturbed = Outcome(case="train/undisturbed", fired=1, is_finished=is_finished)
        figures = summarise([undisturbed, case], seconds=1.0)
        assert (figures["cases"], figures["same_end_state"], figures["steady"]) == (1, 1, is_finished)


@pytest.mark.parametrize("flaw", ["failed", "different", "duplicates", "orphans"])
def test_each_flaw_makes_the_end_another(flaw: str) -> None:
    assert not Outcome(case="a", is_finished=True, **{flaw: ["something"]}).is_same


def test_a_run_that_did_not_end_is_not_the_same() -> None:
    assert not Outcome(case="a").is_same
