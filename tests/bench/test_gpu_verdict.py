from bench.gpu.figure import Figure
from bench.gpu.verdict import verdicts

FIGURES = [
    Figure("decode and resize, 16 threads of one process", 1200, "/s"),
    Figure("decode and resize, 16 processes", 2500, "/s"),
    Figure("stock forward, best, batch of 512", 28_000, "/s", "small"),
    Figure("stock forward, best, batch of 512", 2_000, "/s", "large"),
    Figure("stock forward, images/s by batch", "1: 100, 512: 28,000", "", "small"),
    Figure("2 workers, 256 connections, /rank of 1, images/s", 1_500, "/s", "small"),
    Figure("2 workers, 16 connections, /encode of 64, images/s", 2_100, "/s", "small"),
    Figure("1 worker, 16 connections, /encode of 64, images/s", 9_999, "/s", "small"),
    Figure("2 workers, 256 connections, /rank of 1, images/s", 1_000, "/s", "large"),
    Figure("stock forward, best, batch of 512", 5_000, "/s", "not served"),
]


def test_the_service_is_held_against_the_lesser_of_forward_pass_and_decoding() -> None:
    small, large = verdicts(FIGURES)
    assert small.startswith(
        "small: 2,100 images/s with two workers, 0.84 of decoding alone (2,500)"
    )
    assert small.endswith("reached")
    assert large.startswith("large: 1,000 images/s with two workers, 0.50 of forward pass alone")
    assert large.endswith("MISSED")


def test_without_figures_nothing_is_said() -> None:
    assert list(verdicts(FIGURES[2:])) == []
