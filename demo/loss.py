"""The contrastive loss over pictures of different concepts and captions of more concepts."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional


def also_true(
    captions: Sequence[str], true_of: Mapping[str, set[int]], pictured: Sequence[int]
) -> Tensor:
    """Return (pictures, captions) booleans: whether a caption drawn for another fits this one.

    Caption n was drawn for picture n, further captions for no picture. A caption that is also
    true of a second picture's concept must not count as wrong for that picture.
    """
    row_of = {concept: row for row, concept in enumerate(pictured)}
    fits = torch.zeros(len(pictured), len(captions), dtype=torch.bool)
    for column, caption in enumerate(captions):
        for concept in true_of.get(caption, ()):
            row = row_of.get(concept, column)
            if row != column:
                fits[row, column] = True
    return fits


def contrastive_loss(pictures: Tensor, texts: Tensor, scale: Tensor, fits: Tensor) -> Tensor:
    """Return the mean of picture-to-text and text-to-picture cross-entropy (Radford et al. 2021).

    Shapes: `pictures` (N, D) and `texts` (T, D) with T >= N, both of any length (they are
    normalised here), text n being picture n's; `fits` (N, T), see `also_true`.
    """
    logits = scale * functional.normalize(pictures, dim=-1) @ functional.normalize(texts, dim=-1).T
    logits = logits.masked_fill(fits, -1e4)
    own = torch.arange(len(pictures))
    to_text = functional.cross_entropy(logits, own)
    to_picture = functional.cross_entropy(logits[:, : len(pictures)].T, own)
    return (to_text + to_picture) / 2
