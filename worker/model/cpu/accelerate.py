"""From a model to the same model, faster."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
import torch
from transformers.modeling_outputs import BaseModelOutputWithPooling

from worker.model.cpu.linear import pack_linear_layers
from worker.model.cpu.vision_tower import make_vision_tower

log = structlog.get_logger()

SMALL_PARAMETERS = 2_000_000
"""A smaller image encoder spends more time on sharing its work than on doing it, and the other
cores have images to decode."""
PIECE = 2
"""The fewest images that are worth another thread: each reads all of the weights."""


def accelerate(model: Any, parameters: int, threads: int = 0) -> Any:  # noqa: ANN401
    """A model with the same `get_image_features` and `get_text_features`, except for rounding.

    What fails or gives other numbers is left to transformers and torch, with a warning. On a CPU
    the model uses this many `threads`; 0 for as many as pay with the image encoder's `parameters`.
    """
    if model.device.type != "cpu":
        return AcceleratedModel(model, threads=0)
    threads = threads or _threads_for(parameters)
    pack_linear_layers(model)
    return AcceleratedModel(model, threads)


class AcceleratedModel:
    """The part of a model that an encoder needs; `threads` is 0 unless it runs on a CPU.

    A large batch is split over the threads. Threads that share each layer of a batch synchronise
    after every layer; these do once, at the end.
    """

    def __init__(self, model: Any, threads: int) -> None:  # noqa: ANN401
        self._model = model
        self._see = make_vision_tower(model)
        self._threads = threads
        self._pool = ThreadPoolExecutor(max(1, threads), "piece", torch.set_num_threads, (1,))

    def get_image_features(self, **inputs: torch.Tensor) -> BaseModelOutputWithPooling:
        """Inputs of n images each → features of shape (n, dimension), as `pooler_output`."""
        count = len(next(iter(inputs.values())))
        if self._threads > 1 and count >= PIECE * self._threads:
            pieces = [each.tensor_split(self._threads) for each in inputs.values()]
            by_name = [dict(zip(inputs, piece, strict=True)) for piece in zip(*pieces, strict=True)]
            features = torch.cat(list(self._pool.map(self._image_features, by_name)))
        else:
            self._take_threads()
            features = self._image_features(inputs)
        return BaseModelOutputWithPooling(pooler_output=features)

    def get_text_features(self, **inputs: torch.Tensor) -> BaseModelOutputWithPooling:
        self._take_threads()
        features: BaseModelOutputWithPooling = self._model.get_text_features(**inputs)
        return features

    @torch.inference_mode()
    def _image_features(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        if self._see and inputs.keys() == {"pixel_values"}:
            return self._see(inputs["pixel_values"])
        features: torch.Tensor = self._model.get_image_features(**inputs).pooler_output
        return features

    def _take_threads(self) -> None:
        if self._threads:
            torch.set_num_threads(self._threads)  # of the calling thread: each has its own number


def _threads_for(parameters: int) -> int:
    threads = 1 if parameters < SMALL_PARAMETERS else torch.get_num_threads()
    log.info("threads_chosen", threads=threads, max_threads=torch.get_num_threads())
    return threads
