"""Third step: JPEG to pixels as the worker does it, in threads, in processes, on the card."""

import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np

from bench.gpu.figure import attempt, report
from bench.gpu.options import Options, parse
from bench.images import Kind, draw
from worker.images.decode import AS_IS, DecodedImage, EncodedImage
from worker.images.decode_processes import DecodeProcesses, count_of
from worker.images.limits import Limits
from worker.images.preprocess import Normalise, ShortestEdgeCrop

POOL = 16
RUNS = 40
NO_LIMITS = Limits(10**9, 1000)
NOTHING = np.zeros(3, dtype=np.float32)
PREPROCESS = ShortestEdgeCrop(224, 224, 224, 3, Normalise(NOTHING, NOTHING))
"""Bicubic, as CLIP's; the encoder normalises."""


def decoded(jpeg: bytes) -> DecodedImage:
    return EncodedImage.open(jpeg, NO_LIMITS).decode()


def work(kind: Kind, seconds: float) -> float:
    """How many images a second, in this thread, once it has begun."""
    jpegs = [draw(kind, seed) for seed in range(POOL)]
    began = time.perf_counter()
    done = 0
    while time.perf_counter() - began < seconds:
        PREPROCESS(decoded(jpegs[done % POOL]))
        done += 1
    return done / (time.perf_counter() - began)


def measure(pool: Executor, workers: int, options: Options) -> float:
    """All together, each once it is there."""
    list(pool.map(time.sleep, [0.2] * workers))
    futures = [pool.submit(work, options.kind, options.seconds / 2) for _ in range(workers)]
    return sum(future.result() for future in futures)


def measure_threads(options: Options, counts: Sequence[int]) -> list[float]:
    rates = []
    for count in counts:
        with ThreadPoolExecutor(count) as threads:
            rates.append(measure(threads, count, options))
    return rates


def measure_one(options: Options) -> None:
    jpegs = [draw(options.kind, seed) for seed in range(POOL)]
    report("file of an image", sum(map(len, jpegs)) / POOL / 1000, "kB")
    began = time.perf_counter()
    images = [decoded(jpegs[run % POOL]) for run in range(RUNS)]
    middle = time.perf_counter()
    for image in images:
        PREPROCESS(image)
    ended = time.perf_counter()
    report("decode one image", 1000 * (middle - began) / RUNS, "ms")
    report("resize one image", 1000 * (ended - middle) / RUNS, "ms")


def measure_many(options: Options) -> None:
    cores = os.cpu_count() or 1
    counts = sorted({1, min(4, cores), cores})
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn) as process:
        rates = process.submit(measure_threads, options, counts).result()
    for count, rate in zip(counts, rates, strict=True):
        report(f"decode and resize, {count} threads of one process", rate, "/s")
    for count in counts:
        with ProcessPoolExecutor(count, spawn) as processes:
            rate = measure(processes, count, options)
        report(f"decode and resize, {count} processes", rate, "/s")


def measure_workers_processes(options: Options) -> None:
    """As a worker on a GPU uses them: its threads wait while its processes decode."""
    count = count_of("auto", "cuda")
    jpegs = [draw(options.kind, seed) for seed in range(POOL)]
    processes = DecodeProcesses(count, PREPROCESS)

    def work() -> float:
        began = time.perf_counter()
        done = 0
        while time.perf_counter() - began < options.seconds:
            processes.decode(jpegs[done % POOL], NO_LIMITS, AS_IS, None)
            done += 1
        return done / (time.perf_counter() - began)

    with ThreadPoolExecutor(2 * count) as threads:
        for _ in threads.map(lambda jpeg: processes.decode(jpeg, NO_LIMITS, AS_IS, None), jpegs):
            pass  # until all have started
        before = time.process_time(), time.perf_counter()
        rates = [threads.submit(work) for _ in range(2 * count)]
        rate = sum(each.result() for each in rates)
        cores = (time.process_time() - before[0]) / (time.perf_counter() - before[1])
    processes.close()
    report(f"decode and resize, the worker's {count} processes", rate, "/s")
    report("meanwhile of the worker itself", cores, "cores")


def measure_on_card(options: Options) -> None:
    """By torchvision, where it is there: decoded on the card, for comparison."""
    if options.device == "cpu":
        return
    import torch  # noqa: PLC0415
    from torchvision.io import ImageReadMode, decode_jpeg  # noqa: PLC0415

    from bench.gpu.timing import seconds_of  # noqa: PLC0415

    jpegs = [draw(options.kind, seed) for seed in range(POOL)]
    tensors = [torch.frombuffer(bytearray(jpeg), dtype=torch.uint8) for jpeg in jpegs]
    on_card = decode_jpeg(tensors, ImageReadMode.RGB, device="cuda")
    expected = decoded(jpegs[0]).pixels.astype(int)
    found = on_card[0].permute(1, 2, 0).cpu().numpy().astype(int)
    report("largest difference of a pixel decoded on the card", int(abs(found - expected).max()))
    for batch in (1, 16, 64):
        many = [tensors[number % POOL] for number in range(batch)]
        seconds = seconds_of(
            lambda many=many: decode_jpeg(many, ImageReadMode.RGB, device="cuda"),  # type: ignore[misc]
            "cuda",
        )
        report(f"decode on the card, {batch} at a time", batch / seconds, "/s")


def main() -> None:
    options = parse(sys.argv[1:])
    attempt("decode", lambda: measure_one(options))
    attempt("decode, side by side", lambda: measure_many(options))
    attempt("decode, worker's processes", lambda: measure_workers_processes(options))
    attempt("decode on the card", lambda: measure_on_card(options))


if __name__ == "__main__":
    main()
