"""`make params` lists all Params with what one needs to set them."""

from musher.params.form import FORM
from scripts.params import describe_params


def test_every_param_stands_there_once_with_its_default() -> None:
    lines = describe_params(FORM).splitlines()
    for name in FORM:
        assert len([line for line in lines if line.startswith(f"  {name} = ")]) == 1, name
    assert lines[0] == "What matters"
    assert '  source = "digits"  (such as digits, /photos,' in "\n".join(lines)


def test_values_are_as_json_has_them_and_bounds_say_what_is_excluded() -> None:
    shown = describe_params(FORM)
    assert "  freeze_backbone = false\n" in shown
    assert "  weights_uri = null\n" in shown
    assert "  batch_sizes = [64, 128]  (each 1 to 4096)\n" in shown
    assert "  learning_rate = 0.01  (above 0 to 1)\n" in shown
    assert "  autoscale_target = 100  (above 0)\n" in shown
    assert "  load_test_rate = 5  (above 0 to 1000)\n" in shown
    assert '  tuning_strategy = "Random"  (none, in_job, Random, Bayesian, Grid, Hyperband)\n' in shown
    assert "**" not in shown
    assert "`" not in shown
