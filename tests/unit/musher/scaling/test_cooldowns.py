"""Cooldowns: what a scale-out adds counts for a while, and scale-ins wait for each other."""

from musher.scaling.cooldowns import NO_COOLDOWN, start_cooldown


def test_what_a_scale_out_added_is_part_of_the_next_one() -> None:
    cooldown = start_cooldown(before=2, after=5, now_s=100, length_s=300)
    assert cooldown.counts_from(5, now_s=399) == 2
    assert cooldown.counts_from(5, now_s=400) == 5


def test_a_scale_out_does_not_hold_a_scale_in_back() -> None:
    assert start_cooldown(before=2, after=5, now_s=100, length_s=300).allows_scale_in(now_s=101)


def test_a_scale_in_holds_the_next_one_back_but_no_scale_out() -> None:
    cooldown = start_cooldown(before=5, after=2, now_s=100, length_s=300)
    assert not cooldown.allows_scale_in(now_s=399)
    assert cooldown.allows_scale_in(now_s=400)
    assert cooldown.counts_from(2, now_s=101) == 2


def test_before_any_activity_nothing_is_held_back() -> None:
    assert NO_COOLDOWN.allows_scale_in(now_s=0)
    assert NO_COOLDOWN.counts_from(3, now_s=0) == 3


def test_a_capacity_that_somebody_lowered_counts_as_it_is() -> None:
    assert start_cooldown(before=4, after=9, now_s=0, length_s=300).counts_from(3, now_s=1) == 3
