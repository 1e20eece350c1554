"""One step's work in two halves, on a thread each.

Threads that share every operation wait for each other thousands of times a step, which costs most
of the time where other programs use the processor too; these meet only twice.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from transformers import CLIPModel, CLIPTokenizer

from demo.model import some_patches_features

HALVES = 2
# Of the texts by length, so that two thirds need little padding: about half of the work.
SHORT_SHARE = 2 / 3


@dataclass(frozen=True)
class Features:
    """The features of a batch, cut from the graphs of the halves that made them."""

    images: Tensor
    texts: Tensor
    graphs: list[tuple[Tensor, Tensor]]
    text_order: Tensor

    def cosines(self) -> Tensor:
        """Return the cosine of every image and every text, (images, texts)."""
        images = functional.normalize(self.images, dim=-1)
        return images @ functional.normalize(self.texts[self.text_order], dim=-1).T


class Halves:
    """Computes features and gradients of one model on two threads."""

    def __init__(self, model: CLIPModel, tokenizer: CLIPTokenizer) -> None:
        self._model, self._tokenizer = model, tokenizer
        self._weights = [p for n, p in model.named_parameters() if n != "logit_scale"]
        self._pool = ThreadPoolExecutor(HALVES)

    def features(
        self,
        draw: Callable[[Sequence[int]], Tensor],
        imaged: Sequence[int],
        texts: Sequence[str],
        share: float,
    ) -> Features:
        """Return the features of drawn images, at a `share` of their patches, and of texts."""
        tokens = self._tokenizer(list(texts))["input_ids"]
        order = sorted(range(len(texts)), key=lambda n: len(tokens[n]))
        cut, middle = round(len(order) * SHORT_SHARE), len(imaged) // 2

        def work(concepts: Sequence[int], numbers: Sequence[int]) -> tuple[Tensor, Tensor]:
            padded = self._tokenizer.pad(
                {"input_ids": [tokens[n] for n in numbers]}, return_tensors="pt"
            )
            seen = some_patches_features(self._model, draw(concepts), share)
            return seen, self._model.get_text_features(**padded).pooler_output

        graphs = list(
            self._pool.map(work, (imaged[:middle], imaged[middle:]), (order[:cut], order[cut:]))
        )
        images = torch.cat([seen.detach() for seen, _ in graphs]).requires_grad_()
        read = torch.cat([read.detach() for _, read in graphs]).requires_grad_()
        return Features(images, read, graphs, torch.tensor(order).argsort())

    def spread(self, features: Features) -> None:
        """Add to the weights' gradients what the features' gradients mean for them."""
        of_images, of_texts = features.images.grad, features.texts.grad
        if of_images is None or of_texts is None:
            raise ValueError("the loss must be propagated to the features first")
        parts = [
            torch.split(gradient, [len(graph[place]) for graph in features.graphs])
            for place, gradient in enumerate((of_images, of_texts))
        ]

        def work(graph: tuple[Tensor, Tensor], of_image: Tensor, of_text: Tensor) -> list[Tensor]:
            return list(torch.autograd.grad(graph, self._weights, (of_image, of_text)))

        halves = self._pool.map(work, features.graphs, *parts)
        for weight, *gradients in zip(self._weights, *halves, strict=True):
            weight.grad = torch.stack(gradients).sum(0)
