"""From the unit interval to hyper-parameters and back."""

import math
import random

import pytest

from localaws.sagemaker.tuning.ranges import CategoricalRange, ContinuousRange, IntegerRange, Range, Space

RANGES: list[Range] = [
    ContinuousRange(name="a", low=0.0, high=1.0),
    ContinuousRange(name="a", low=1e-5, high=0.1, scale="Logarithmic"),
    ContinuousRange(name="a", low=0.0, high=0.9999, scale="ReverseLogarithmic"),
    IntegerRange(name="a", low=-3, high=5),
    IntegerRange(name="a", low=1, high=1000, scale="Logarithmic"),
    CategoricalRange(name="a", values=('"32"', '"64"', "sgd")),
]


@pytest.mark.parametrize("item", RANGES, ids=str)
def test_every_place_gives_a_value_whose_place_gives_it_back(item: Range) -> None:
    for step in range(101):
        text = item.from_unit(step / 100)
        place = item.to_unit(text)
        assert place is not None
        assert 0 <= place <= 1
        assert item.from_unit(place) == text or math.isclose(float(item.from_unit(place)), float(text))


@pytest.mark.parametrize("item", RANGES, ids=str)
def test_what_lies_outside_has_no_place(item: Range) -> None:
    assert item.to_unit("100000") is None
    assert item.to_unit("nonsense") is None
    assert item.to_unit("nan") is None


def test_the_bounds_are_reached_and_never_passed() -> None:
    for high in (0.1, 0.3, 0.7):
        item = ContinuousRange(name="a", low=0.001, high=high, scale="Logarithmic")
        ends = float(item.from_unit(0.0)), float(item.from_unit(1.0))
        assert ends == pytest.approx((0.001, high))
        assert 0.001 <= ends[0] < ends[1] <= high


def test_scales_put_the_middle_where_they_say() -> None:
    assert ContinuousRange(name="a", low=0.0, high=1.0).from_unit(0.5) == "0.5"
    assert float(
        ContinuousRange(name="a", low=1e-4, high=1.0, scale="Logarithmic").from_unit(0.5)
    ) == pytest.approx(0.01)
    middle = float(ContinuousRange(name="a", low=0.0, high=0.9999, scale="ReverseLogarithmic").from_unit(0.5))
    assert 1 - middle == pytest.approx(0.01)


def test_integers_are_equally_likely_at_the_ends_too() -> None:
    rng = random.Random(1)
    counts = [0] * 4
    for _ in range(4000):
        counts[int(IntegerRange(name="a", low=0, high=3).from_unit(rng.random()))] += 1
    assert all(900 < count < 1100 for count in counts)


def test_auto_is_logarithmic_where_a_range_spans_orders_of_magnitude() -> None:
    def scale(low: str, high: str, kind: str = "Continuous") -> str:
        item = {"Name": "a", "MinValue": low, "MaxValue": high, "ScalingType": "Auto"}
        (found,) = Space.from_request({f"{kind}ParameterRanges": [item]}).ranges
        assert isinstance(found, ContinuousRange | IntegerRange)
        return found.scale

    assert scale("0.001", "0.1") == "Logarithmic"
    assert scale("0.01", "0.1") == "Linear"
    assert scale("0", "1") == "Linear"
    assert scale("1", "512", "Integer") == "Logarithmic"


def test_a_space_counts_its_combinations_and_lists_them() -> None:
    space = Space(
        ranges=(IntegerRange(name="n", low=1, high=3), CategoricalRange(name="k", values=("a", "b")))
    )
    assert space.combinations == 6
    assert list(space.grid())[:3] == [{"n": "1", "k": "a"}, {"n": "1", "k": "b"}, {"n": "2", "k": "a"}]
    assert len(list(space.grid())) == 6
    assert Space(ranges=(ContinuousRange(name="x", low=0, high=1),)).combinations == math.inf
    with pytest.raises(ValueError, match="x is continuous"):
        list(Space(ranges=(ContinuousRange(name="x", low=0, high=1),)).grid())


def test_a_space_takes_its_own_from_more_values() -> None:
    space = Space(ranges=(IntegerRange(name="n", low=1, high=3),))
    assert space.restrict({"n": "2", "epochs": "5"}) == {"n": "2"}
    assert space.restrict({"n": "4"}) is None
    assert space.restrict({"epochs": "5"}) is None


def test_a_value_given_twice_counts_once() -> None:
    space = Space.from_request({"CategoricalParameterRanges": [{"Name": "k", "Values": ["a", "b", "a"]}]})
    assert space.combinations == 2
