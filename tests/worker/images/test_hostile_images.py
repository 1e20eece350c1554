"""No image harms the worker: each is decoded or refused, in little time and memory."""

import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import ImageFile

from common.errors import ItemError
from tests.fuzz.decoder import fuzz
from tests.hostile_images import BOMBS, CORPUS, DECODED, LIMITS, Hostile
from tests.processes import ROOT
from worker.images.decode import EncodedImage

IN_TIME_S = 10.0
"""Far more than any takes: the machine may be busy with other things."""
MAX_MEMORY = 49_000_000 * 22
"""What the largest image allowed takes."""
INPUTS = 2000


def outcome(content: bytes) -> str:
    try:
        EncodedImage.open(content, LIMITS).decode()
    except ItemError as error:
        return error.code
    return DECODED


def most_memory_bytes() -> int:
    """That this process ever had. Linux counts what its parent had in `ru_maxrss` too."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All hostile images, each in a file of its name."""
    folder = tmp_path_factory.mktemp("hostile")
    for hostile in [*CORPUS, *BOMBS]:
        (folder / hostile.name).write_bytes(hostile.build())
    return folder


@pytest.mark.parametrize("hostile", [*CORPUS, *BOMBS], ids=lambda hostile: hostile.name)
def test_a_image_is_decoded_or_refused_in_time(hostile: Hostile, files: Path) -> None:
    content = (files / hostile.name).read_bytes()
    started = time.monotonic()
    assert outcome(content) == hostile.outcome
    assert time.monotonic() - started < IN_TIME_S


def decode_all(folder: Path) -> None:
    """The work of the other process of the test below: it tells the most memory that it had."""
    for path in folder.iterdir():
        outcome(path.read_bytes())
    print(most_memory_bytes())  # noqa: T201


def test_no_image_takes_more_memory_than_the_largest_one_allowed(files: Path) -> None:
    script = (
        "import sys, pathlib, tests.worker.images.test_hostile_images as tests;"
        "tests.decode_all(pathlib.Path(sys.argv[1]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, files], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert int(ended.stdout) < MAX_MEMORY


def test_truncated_images_are_errors_to_pillow() -> None:
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_mutated_images_are_decoded_or_refused() -> None:
    tally = fuzz(INPUTS, seed=0)
    assert tally.bugs == []
    assert tally.outcomes.total() == INPUTS
    assert tally.outcomes[DECODED] > INPUTS / 20
    assert tally.slowest_s < IN_TIME_S
