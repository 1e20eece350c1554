"""The contrastive loss over images of different concepts and captions of all concepts."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from demo.concepts import Category

# Below every cosine times the largest scale: such a pair counts neither for nor against.
IGNORED = -1e4


@dataclass(frozen=True)
class Truth:
    """Which captions are right for which images, both (images, captions) of booleans.

    `right` pairs are drawn together; `possible` pairs, which a caption is true of as well, are not
    pushed apart.
    """

    right: Tensor
    possible: Tensor


def truth_of_names(
    imaged: Sequence[int], true_of: Sequence[set[int]], columns: Sequence[int]
) -> Truth:
    """Return the truth of captions about single concepts.

    Image n shows concept `imaged[n]`; caption n was drawn for concept `columns[n]` (none if it is
    negative) and is true of the concepts `true_of[n]` as well.
    """
    row_of = {concept: row for row, concept in enumerate(imaged)}
    right = torch.tensor(imaged)[:, None] == torch.tensor(columns)[None, :]
    possible = torch.zeros_like(right)
    for column, concepts in enumerate(true_of):
        for concept in concepts:
            if concept in row_of:
                possible[row_of[concept], column] = True
    return Truth(right, possible & ~right)


def truth_of_categories(imaged: Sequence[int], drawn: Sequence[Category]) -> Truth:
    """Return the truth of captions about categories."""
    right = [[concept in category.true for category in drawn] for concept in imaged]
    possible = [[concept in category.maybe for category in drawn] for concept in imaged]
    return Truth(torch.tensor(right), torch.tensor(possible))


def to_texts(logits: Tensor, names: Truth, categories: Truth) -> Tensor:
    """Return the mean cross-entropy of choosing each image's own caption.

    `logits` are of the captions of `names` and then of `categories`; no category that may be
    right competes with the image's own caption.
    """
    ignored = torch.cat([names.possible, categories.right | categories.possible], 1)
    own = names.right.int().argmax(1)
    return functional.cross_entropy(logits.masked_fill(ignored, IGNORED), own)


def to_images(logits: Tensor, truth: Truth) -> Tensor:
    """Return the mean cross-entropy of choosing the right images of each caption that has any."""
    likely = logits.masked_fill(truth.possible, IGNORED).log_softmax(0)
    count = truth.right.sum(0)
    each = -(likely * truth.right).sum(0) / count.clamp(min=1)
    return each.sum() / (count > 0).sum().clamp(min=1)


def contrastive_loss(logits: Tensor, names: Truth, categories: Truth, share: float) -> Tensor:
    """Return the loss of a batch; `share` weighs the captions of categories.

    `logits` are (images, captions), those of the captions of `names` first.
    """
    count = names.right.shape[1]
    own = (to_texts(logits, names, categories) + to_images(logits[:, :count], names)) / 2
    general = logits[:, count:]
    turned = Truth(categories.right.T, categories.possible.T)
    # Both ways, so that no image comes first for every kind.
    return own + share * (to_images(general, categories) + to_images(general.T, turned))
