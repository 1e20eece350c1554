"""What a step of training draws, and what is learnt from it."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from demo.augment import training_images
from demo.captions import Captions, frame
from demo.emojibase import Emoji
from demo.halves import Halves
from demo.loss import contrastive_loss, truth_of_categories, truth_of_names
from demo.model import IMAGE_PIXELS
from demo.packages import TRAINING_STYLES
from demo.run import Run
from demo.sprites import style_sprites

THINGS_A_STEP = 240
FACES_A_STEP = 16
OTHER_CONCEPTS_A_STEP = 240
NAMES_OF_NOTHING_A_STEP = 48
CATEGORIES_A_STEP = 40
CATEGORY_SHARE = 0.5
PATCHES_SEEN = 0.7
# The last part of the run sees whole images, as in use.
WHOLE_IMAGES_FROM = 0.8
# The first part of the run goes from plain images and names to varied ones.
FULL_DIFFICULTY_FROM = 0.1


class TrainingImages:
    """All sprites of all training styles, to draw one of each of some concepts from."""

    def __init__(self, concepts: Sequence[Emoji], cache: Path) -> None:
        drawn = [style_sprites(style, concepts, cache) for style in TRAINING_STYLES]
        self.sprites = torch.cat([torch.from_numpy(sprites) for sprites, _ in drawn])
        owners = torch.cat([torch.from_numpy(numbers) for _, numbers in drawn])
        weights = torch.cat(
            [
                torch.full((len(numbers),), style.weight)
                for style, (_, numbers) in zip(TRAINING_STYLES, drawn, strict=True)
            ]
        )
        self._of_concept = [torch.nonzero(owners == n).flatten() for n in range(len(concepts))]
        self._weights = [weights[own] for own in self._of_concept]

    def draw(self, concepts: Sequence[int], difficulty: float = 1.0) -> Tensor:
        """Return one normalised training image of each of `concepts`."""
        picked = torch.cat(
            [self._of_concept[n][torch.multinomial(self._weights[n], 1)] for n in concepts]
        )
        return training_images(self.sprites[picked], IMAGE_PIXELS, difficulty)


@dataclass
class Training:
    """What a run learns from."""

    run: Run
    images: TrainingImages
    captions: Captions
    halves: Halves
    thing_count: int
    seconds: float

    def take_step(self) -> float:
        """Learn from one batch and return its loss."""
        began, progress = time.monotonic(), self.run.seconds / self.seconds
        share = 1.0 if progress >= WHOLE_IMAGES_FROM else PATCHES_SEEN
        loss = self._learn(share, min(1.0, progress / FULL_DIFFICULTY_FROM))
        nn.utils.clip_grad_norm_(self.run.model.parameters(), 1.0)
        self.run.advance(progress)
        self.run.seconds += time.monotonic() - began
        return loss

    def _draw_concepts(self, chance: random.Random) -> tuple[list[int], list[int]]:
        # Things and faces to show, and those of which there is a caption: these and others.
        everything = len(self.captions.names)
        things = torch.randperm(self.thing_count).tolist()
        faces = (self.thing_count + torch.randperm(everything - self.thing_count)).tolist()
        shown = things[:THINGS_A_STEP] + faces[:FACES_A_STEP]
        others = things[THINGS_A_STEP:] + faces[FACES_A_STEP:]
        return shown, shown + chance.sample(others, OTHER_CONCEPTS_A_STEP)

    def _learn(self, share: float, difficulty: float) -> float:
        # Sets the gradients of a new batch, of which the model sees a share of the patches.
        chance = random.Random(self.run.step)
        shown, columns = self._draw_concepts(chance)
        named = self.captions.draw(columns, chance, difficulty)
        named += self.captions.draw_of_nothing(NAMES_OF_NOTHING_A_STEP, chance)
        columns += [-1] * NAMES_OF_NOTHING_A_STEP
        general, drawn = self.captions.draw_categories(CATEGORIES_A_STEP, chance)
        texts = [*(frame(text, chance, difficulty) for text in named), *general]
        draw = partial(self.images.draw, difficulty=difficulty)
        made = self.halves.features(draw, shown, texts, share)
        true_of = [self.captions.true_of.get(text, set()) for text in named]
        loss = contrastive_loss(
            self.run.model.logit_scale.exp() * made.cosines(),
            truth_of_names(shown, true_of, columns),
            truth_of_categories(shown, drawn),
            CATEGORY_SHARE,
        )
        loss.backward()  # type: ignore[no-untyped-call]
        self.halves.spread(made)
        return float(loss.detach())
