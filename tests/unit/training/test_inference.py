"""What SageMaker's PyTorch container looks for in a model folder's code."""

from __future__ import annotations

import inference

from imgclf.serving import model_functions


def test_the_container_finds_the_four_functions_that_serve_py_serves() -> None:
    for name in ("model_fn", "input_fn", "predict_fn", "output_fn"):
        assert getattr(inference, name) is getattr(model_functions, name)
