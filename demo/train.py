"""Trains the demonstration's CLIP from scratch: `python -m demo.train`.

It continues from the last checkpoint in `--work`, so an interrupted run is started again with the
same command.
"""

import argparse
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from transformers import CLIPModel, CLIPTokenizer

from demo.augment import training_images
from demo.captions import Captions, frame
from demo.concepts import everyday_things
from demo.emojibase import Concept
from demo.loss import also_true, contrastive_loss
from demo.model import IMAGE_PIXELS, learn_tokenizer, new_model, new_processor, save
from demo.packages import DEFAULT_CACHE, TRAINING_STYLES
from demo.sprites import style_sprites

DEFAULT_MODEL = Path(__file__).parent / "model"
IMAGES_A_STEP = 256
OTHER_CONCEPTS_A_STEP = 128
NAMES_OF_NOTHING_A_STEP = 32
PEAK_RATE = 1.2e-3
WARM_UP_STEPS = 200
AVERAGING = 0.998
LARGEST_SCALE = math.log(100)


class TrainingImages:
    """All sprites of all training styles, to draw one of each of some concepts from."""

    def __init__(self, concepts: Sequence[Concept], cache: Path) -> None:
        drawn = [style_sprites(style, concepts, cache) for style in TRAINING_STYLES]
        self.sprites = torch.cat([torch.from_numpy(sprites) for sprites, _ in drawn])
        owners = torch.cat([torch.from_numpy(numbers) for _, numbers in drawn])
        self._of_concept = [torch.nonzero(owners == n).flatten() for n in range(len(concepts))]

    def draw(self, concepts: Sequence[int]) -> Tensor:
        """Return one normalised training image of each of `concepts`."""
        owned = [self._of_concept[number] for number in concepts]
        picked = torch.stack([own[torch.randint(len(own), ())] for own in owned])
        return training_images(self.sprites[picked], IMAGE_PIXELS)


@dataclass
class Run:
    """What a step of training changes."""

    model: CLIPModel
    average: CLIPModel
    optimizer: torch.optim.AdamW
    step: int = 0

    def save(self, path: Path) -> None:
        """Write everything needed to go on from here."""
        path.parent.mkdir(parents=True, exist_ok=True)
        weights = [self.model.state_dict(), self.average.state_dict()]
        torch.save([self.step, *weights, self.optimizer.state_dict()], path)

    def load(self, path: Path) -> None:
        """Go on from what `save` wrote."""
        self.step, model, average, optimizer = torch.load(path, weights_only=True)
        self.model.load_state_dict(model)
        self.average.load_state_dict(average)
        self.optimizer.load_state_dict(optimizer)


def new_run(tokenizer: CLIPTokenizer) -> Run:
    """Return a run at step 0; biases, gains and embeddings are not decayed."""
    model, average = new_model(tokenizer), new_model(tokenizer)
    average.load_state_dict(model.state_dict())
    decayed = [p for n, p in model.named_parameters() if p.ndim > 1 and "embedding" not in n]
    kept = [p for n, p in model.named_parameters() if p.ndim <= 1 or "embedding" in n]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": kept, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=PEAK_RATE, betas=(0.9, 0.98))
    return Run(model, average, optimizer)


def tokenizer_of(folder: Path, captions: Captions) -> CLIPTokenizer:
    """Return the tokenizer of the run kept in `folder`, learnt when the run begins."""
    if not folder.exists():
        learn_tokenizer(captions.corpus()).save_pretrained(folder)
    tokenizer: CLIPTokenizer = CLIPTokenizer.from_pretrained(folder)
    return tokenizer


def learning_rate(step: int, steps: int) -> float:
    """Return the rate of a step: a linear warm-up, then half a cosine down to a hundredth."""
    if step < WARM_UP_STEPS:
        return PEAK_RATE * (step + 1) / WARM_UP_STEPS
    progress = (step - WARM_UP_STEPS) / max(1, steps - WARM_UP_STEPS)
    return PEAK_RATE * (0.01 + 0.99 * (1 + math.cos(math.pi * progress)) / 2)


def take_step(
    run: Run, images: TrainingImages, captions: Captions, tokenizer: CLIPTokenizer, steps: int
) -> float:
    """Learn from one batch and return its loss."""
    chance = random.Random(run.step)
    order = torch.randperm(captions.concept_count).tolist()
    imaged, named = order[:IMAGES_A_STEP], order[: IMAGES_A_STEP + OTHER_CONCEPTS_A_STEP]
    shown = images.draw(imaged)
    texts = captions.draw(named, chance)
    texts += captions.draw_of_nothing(NAMES_OF_NOTHING_A_STEP, chance)
    tokens = tokenizer([frame(t, chance) for t in texts], padding=True, return_tensors="pt")
    # bfloat16 halves the time of a step on processors that have it; the loss stays in float32.
    with torch.autocast("cpu", torch.bfloat16):
        seen = run.model.get_image_features(pixel_values=shown).pooler_output
        read = run.model.get_text_features(**tokens).pooler_output
    fits = also_true(texts, captions.true_of, imaged)
    loss = contrastive_loss(seen.float(), read.float(), run.model.logit_scale.exp(), fits)
    for group in run.optimizer.param_groups:
        group["lr"] = learning_rate(run.step, steps)
    run.optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
    run.optimizer.step()
    follow(run)
    return float(loss.detach())


@torch.no_grad()
def follow(run: Run) -> None:
    """Move the averaged weights towards the current ones, faster while the run is young."""
    run.model.logit_scale.clamp_(max=LARGEST_SCALE)
    run.step += 1
    share = 1 - min(AVERAGING, run.step / (run.step + 10))
    for average, current in zip(run.average.parameters(), run.model.parameters(), strict=True):
        average.lerp_(current, share)


def parse_arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=3600)
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL, help="where it is written")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="where packages are kept")
    parser.add_argument("--work", type=Path, default=DEFAULT_CACHE / "run", help="checkpoints")
    parser.add_argument("--save-every", type=int, default=250)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main() -> None:
    """Train for `--steps` steps and write the averaged weights."""
    options = parse_arguments()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    concepts = everyday_things(options.cache)
    captions = Captions(concepts, options.cache)
    tokenizer = tokenizer_of(options.work / "tokenizer", captions)
    images = TrainingImages(concepts, options.cache)
    run, checkpoint = new_run(tokenizer), options.work / "checkpoint.pt"
    if checkpoint.exists():
        run.load(checkpoint)
    # The draws of a continued run must not repeat those of its beginning.
    torch.manual_seed(options.seed + run.step)
    print(f"{len(concepts)} concepts, {len(images.sprites)} images, from step {run.step}")
    began, losses = time.monotonic(), []
    while run.step < options.steps:
        losses.append(take_step(run, images, captions, tokenizer, options.steps))
        if run.step % 50 == 0:
            minutes = (time.monotonic() - began) / 60
            mean = sum(losses) / len(losses)
            print(f"step {run.step} loss {mean:.3f} after {minutes:.1f} min", flush=True)
            losses.clear()
        if run.step % options.save_every == 0 or run.step == options.steps:
            run.save(checkpoint)
            save(run.average, new_processor(tokenizer), options.model)


if __name__ == "__main__":
    main()
