"""First step: which card, which versions, how fast copies are; and the models are made."""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from bench.gpu.figure import attempt, report
from bench.gpu.options import Options, folder_of, parse
from bench.processes import ROOT

SAMPLES = 256
SIDE = 224
COPIES = 20


def tell_machine(options: Options) -> None:
    import torch  # noqa: PLC0415 - the models are made meanwhile
    import transformers  # noqa: PLC0415

    report(
        "python, torch, transformers",
        f"{platform.python_version()}, {torch.__version__}, {transformers.__version__}",
    )
    report("cores", os.cpu_count() or 0)
    if options.device == "cpu":
        return
    asked = subprocess.run(
        ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"],
        capture_output=True,
        text=True,
        check=True,
    )
    report("card, driver, memory", asked.stdout.strip())
    report("CUDA of torch", str(torch.version.cuda))


def measure_copies(options: Options) -> None:
    """A batch of images as bytes: stacked on the host, then to the device and back."""
    import numpy as np  # noqa: PLC0415
    import torch  # noqa: PLC0415

    rows = np.random.default_rng(0).integers(0, 256, (SAMPLES, SIDE, SIDE, 3), dtype=np.uint8)
    images = [row.copy() for row in rows]
    report(f"stack {SAMPLES} images", 1000 * _seconds(lambda: np.stack(images)), "ms")
    pageable = torch.from_numpy(rows)
    ways = {"pageable": pageable}
    if options.device != "cpu":
        ways["pinned"] = pageable.pin_memory()
    for name, batch in ways.items():

        def copy(batch: torch.Tensor = batch) -> None:
            batch.to(options.device, non_blocking=True)
            if options.device != "cpu":
                torch.cuda.synchronize()

        report(f"copy {SAMPLES} images to the device, {name}", 1000 * _seconds(copy), "ms")


def _seconds(run: Callable[[], object]) -> float:
    run()
    times = []
    for _ in range(COPIES):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return sorted(times)[COPIES // 2]


def make_models(models: tuple[str, ...]) -> None:
    """All at once, each in a process of its own."""
    script = "import sys; from bench.gpu.options import folder_of; folder_of(sys.argv[1])"

    def make(model: str) -> None:
        subprocess.run([sys.executable, "-c", script, model], cwd=ROOT, check=True)

    with ThreadPoolExecutor(len(models)) as pool:
        list(pool.map(make, models))
    for model in models:
        assert folder_of(model).is_dir()


def main() -> None:
    options = parse(sys.argv[1:])
    began = time.perf_counter()
    attempt("models", lambda: make_models(options.models))
    report("models made in", time.perf_counter() - began, "s")
    attempt("machine", lambda: tell_machine(options))
    attempt("copies", lambda: measure_copies(options))


if __name__ == "__main__":
    main()
