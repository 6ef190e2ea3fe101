"""Name the four functions of a model folder by which SageMaker's PyTorch container serves it."""

from imgclf.serving.model_functions import input_fn, model_fn, output_fn, predict_fn

__all__ = ["input_fn", "model_fn", "output_fn", "predict_fn"]
