"""Interleaving: every contender runs in every round, so that drift affects all of them."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from bench.contender import Contender, awake
from bench.figures import Sample, Series
from bench.options import Options
from bench.progress import Progress

T = TypeVar("T")


def interleaved(turns: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Take turns `rounds` times, every other time in reverse order. Returns each one's results."""
    results: dict[str, list[T]] = {name: [] for name in turns}
    for number in range(rounds):
        names = list(turns) if number % 2 == 0 else list(turns)[::-1]
        for name in names:
            results[name].append(turns[name]())
    return results


def measured(
    contenders: Mapping[str, Contender], connections: int, options: Options, progress: Progress
) -> dict[str, Series]:
    """All contenders at one number of connections, paused while it is another's turn."""

    def turn(name: str) -> Callable[[], Sample]:
        def take() -> Sample:
            contender = contenders[name]
            with awake(contender):
                sample = contender.measure(connections, options.seconds, options.warm_s)
            progress.sample(name, connections, sample)
            return sample

        return take

    taken = interleaved({name: turn(name) for name in contenders}, options.rounds)
    return {name: Series(name, connections, samples) for name, samples in taken.items()}
