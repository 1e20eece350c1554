"""A run of training: the weights, their average, and the optimizers that change them."""

import math
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.optim import AdamW, Muon, Optimizer
from transformers import CLIPModel

PEAK_RATE = 1e-3
# Muon is steadier than AdamW, and takes larger steps.
MUON_FACTOR = 2.0
WARM_UP_STEPS = 50
AVERAGING = 0.997
LARGEST_SCALE = math.log(100)


@dataclass
class Run:
    """What a step of training changes."""

    model: CLIPModel
    average: CLIPModel
    optimizers: list[Optimizer]
    step: int = 0
    seconds: float = 0.0

    def save(self, path: Path) -> None:
        """Write everything needed to go on from here."""
        path.parent.mkdir(parents=True, exist_ok=True)
        weights = [self.model.state_dict(), self.average.state_dict()]
        states = [optimizer.state_dict() for optimizer in self.optimizers]
        torch.save([self.step, self.seconds, *weights, states], path)

    def load(self, path: Path) -> None:
        """Go on from what `save` wrote."""
        self.step, self.seconds, model, average, states = torch.load(path, weights_only=True)
        self.model.load_state_dict(model)
        self.average.load_state_dict(average)
        for optimizer, state in zip(self.optimizers, states, strict=True):
            optimizer.load_state_dict(state)

    @torch.no_grad()
    def advance(self, progress: float) -> None:
        """Take the step that the gradients tell, at this part of the run, and clear them."""
        rate = learning_rate(self.step, progress)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * (MUON_FACTOR if isinstance(optimizer, Muon) else 1)
            optimizer.step()
            optimizer.zero_grad()
        self.model.logit_scale.clamp_(max=LARGEST_SCALE)
        self.step += 1
        # The average follows faster while the run is young.
        share = 1 - min(AVERAGING, self.step / (self.step + 10))
        pairs = zip(self.average.parameters(), self.model.parameters(), strict=True)
        for average, current in pairs:
            average.lerp_(current, share)


def learning_rate(step: int, progress: float) -> float:
    """Return the rate of a step: a linear warm-up, and half a cosine down to a hundredth."""
    warmth = min(1.0, (step + 1) / WARM_UP_STEPS)
    return PEAK_RATE * warmth * (0.01 + 0.99 * (1 + math.cos(math.pi * min(1.0, progress))) / 2)


def new_run(model: CLIPModel) -> Run:
    """Return a run at step 0 that begins with these weights.

    Muon turns the matrices of the layers, AdamW everything else; biases, gains and embeddings
    are not decayed.
    """
    average = deepcopy(model)
    named = list(model.named_parameters())
    turned = [p for n, p in named if p.ndim == 2 and ".layers." in n]
    rest = [p for n, p in named if not (p.ndim == 2 and ".layers." in n)]
    optimizers: list[Optimizer] = [
        Muon(turned, lr=PEAK_RATE, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
        AdamW(rest, lr=PEAK_RATE, betas=(0.9, 0.98), weight_decay=0.0),
    ]
    return Run(model, average, optimizers)
