"""What is told of models and their workers."""

from api.answer import fleet
from api.dispatch.models import ServedModel
from common.fleet.heartbeats import Heartbeat
from common.protocol.messages import ModelInfo, ModelTraits


def test_a_model_that_is_not_finite_in_the_first_precision_says_so() -> None:
    info = ModelInfo("m", "r", 4, 100.0, activation="sigmoid")
    traits = ModelTraits("SigLIP", 64, (224, 224), "open_clip", not_finite_in="float16")
    beat = Heartbeat("host-1-a", info, "cuda:0", "float32", 8, 0, 1.0, traits=traits)
    [told] = fleet.models([ServedModel("m", is_default=True, workers=(beat,))]).models
    assert (told.precision, told.not_finite_in) == ("float32", "float16")
    assert (told.activation, told.format, told.context_length) == ("sigmoid", "open_clip", 64)
