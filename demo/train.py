"""Trains the demonstration's CLIP: `python -m demo.train`.

It continues from the last checkpoint in `--work`, so an interrupted run is started again with the
same command.
"""

import argparse
import math
from pathlib import Path

import torch
from transformers import CLIPModel, CLIPTokenizer

from demo.captions import Captions
from demo.concepts import load_concepts
from demo.halves import Halves
from demo.model import grown, learn_tokenizer, new_model, new_processor, save
from demo.packages import DEFAULT_CACHE
from demo.run import Run, new_run
from demo.scoring import DEFAULT_MODEL
from demo.training import Training, TrainingImages


def tokenizer_of(folder: Path, start: Path | None, captions: Captions) -> CLIPTokenizer:
    """Return the tokenizer of the run kept in `folder`: that of `start`, or a new one."""
    if not folder.exists():
        known = CLIPTokenizer.from_pretrained(start) if start else None
        (known or learn_tokenizer(captions.corpus())).save_pretrained(folder)
    tokenizer: CLIPTokenizer = CLIPTokenizer.from_pretrained(folder)
    return tokenizer


def begin(tokenizer: CLIPTokenizer, start: Path | None) -> Run:
    """Return a run at step 0 that goes on from the model in `start`, or from nothing."""
    if start:
        return new_run(grown(CLIPModel.from_pretrained(start), tokenizer))
    return new_run(new_model(tokenizer))


def parse_arguments() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="how long a run takes")
    parser.add_argument("--start", type=Path, help="an earlier, smaller model to go on from")
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL, help="where it is written")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="where packages are kept")
    parser.add_argument("--work", type=Path, default=DEFAULT_CACHE / "run", help="checkpoints")
    parser.add_argument("--save-every", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def main() -> None:
    """Train for `--minutes` and write the averaged weights."""
    options = parse_arguments()
    # Each of the two halves of a step has a thread of its own.
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    concepts, things = load_concepts(options.cache)
    captions = Captions(concepts, options.cache)
    tokenizer = tokenizer_of(options.work / "tokenizer", options.start, captions)
    images = TrainingImages(concepts, options.cache)
    run, checkpoint = begin(tokenizer, options.start), options.work / "checkpoint.pt"
    if checkpoint.exists():
        run.load(checkpoint)
    # The draws of a continued run must not repeat those of its beginning.
    torch.manual_seed(options.seed + run.step)
    print(f"{len(concepts)} concepts, {len(images.sprites)} images, from step {run.step}")
    seconds, losses = options.minutes * 60, []
    halves = Halves(run.model, tokenizer)
    training = Training(run, images, captions, halves, things, seconds)
    while run.seconds < seconds:
        losses.append(training.take_step())
        if run.step % 25 == 0:
            mean = math.fsum(losses) / len(losses)
            print(f"step {run.step} loss {mean:.3f} after {run.seconds / 60:.1f} min", flush=True)
            losses.clear()
        if run.step % options.save_every == 0 or run.seconds >= seconds:
            run.save(checkpoint)
            save(run.average, new_processor(tokenizer), options.model)


if __name__ == "__main__":
    main()
