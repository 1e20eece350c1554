"""Decoding in other processes: the same pixels and errors, and none lost with a process."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.errors import NotAnImage, TooManyPixels
from tests.images import encoded, noise
from tests.processes import ROOT, wait_until
from worker.images.decode import AS_IS, Conversion, DecodedImage, EncodedImage
from worker.images.decode_processes import DecodeProcesses, DecoderDied, count_of
from worker.images.limits import Limits
from worker.images.preprocess import Normalise, ShortestEdgeCrop
from worker.model.encoder import PreparedImage

LIMITS = Limits(10**6, 10)
NOTHING = np.zeros(3, dtype=np.float32)
PREPARE = ShortestEdgeCrop(64, 64, 64, 3, Normalise(NOTHING, NOTHING))
DEADLY = 13
"""The brightness of an image that takes down the process that decodes it."""
ORIENTATION = 0x0112


class Deadly:
    """Prepares images, except for one at which its process ends, as in a decoder that crashes."""

    def __call__(self, image: DecodedImage) -> PreparedImage:
        if np.all(image.pixels == DEADLY):
            os.kill(os.getpid(), signal.SIGKILL)
        return PREPARE(image)


class OutOfMemoryHere:
    def __call__(self, _: DecodedImage) -> PreparedImage:
        raise MemoryError


class Unpicklable:
    def __call__(self, _: DecodedImage) -> PreparedImage:
        return {"lock": threading.Lock()}  # type: ignore[dict-item]


@pytest.fixture(scope="module")
def processes() -> Iterator[DecodeProcesses]:
    made = DecodeProcesses(2, Deadly())
    yield made
    made.close()


def turned() -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    return encoded(noise(90, 50, seed=3), "JPEG", exif=exif)


def plain(brightness: int) -> bytes:
    return encoded(Image.new("RGB", (8, 8), (brightness,) * 3))


def expected(
    content: bytes, conversion: Conversion = AS_IS
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    image = EncodedImage.open(content, LIMITS, conversion).decode()
    return PREPARE(image)["pixel_values"]


IMAGES = {
    "jpeg": encoded(noise(200, 150, seed=1), "JPEG"),
    "cmyk": encoded(noise(70, 90, "CMYK", seed=2), "JPEG"),
    "exif": turned(),
    "png": encoded(noise(64, 100, seed=4)),
    "webp": encoded(noise(120, 121, seed=7), "WEBP"),
}


@pytest.mark.parametrize("name", IMAGES)
def test_the_pixels_are_those_of_this_process(processes: DecodeProcesses, name: str) -> None:
    prepared, transparent = processes.decode(IMAGES[name], LIMITS, AS_IS, None)
    assert np.array_equal(prepared["pixel_values"], expected(IMAGES[name]))
    assert not transparent


def test_a_conversion_is_obeyed_and_transparency_told(processes: DecodeProcesses) -> None:
    image = noise(60, 77, seed=6)
    image.putalpha(noise(60, 77, "L", seed=7))
    content = encoded(image)
    white = Conversion(alpha="white")
    prepared, transparent = processes.decode(content, LIMITS, white, None)
    assert np.array_equal(prepared["pixel_values"], expected(content, white))
    assert transparent


def test_a_large_jpeg_is_decoded_smaller_if_wanted(processes: DecodeProcesses) -> None:
    content = encoded(noise(640, 640, seed=8), "JPEG")
    small, _ = processes.decode(content, LIMITS, AS_IS, (128, 128))
    image = EncodedImage.open(content, LIMITS)
    image.shrink((128, 128))
    assert np.array_equal(small["pixel_values"], PREPARE(image.decode())["pixel_values"])
    assert not np.array_equal(small["pixel_values"], expected(content))


def test_errors_of_an_image_are_those_of_this_process(processes: DecodeProcesses) -> None:
    with pytest.raises(NotAnImage, match="ends too early"):
        processes.decode(IMAGES["jpeg"][:2000], LIMITS, AS_IS, None)
    with pytest.raises(TooManyPixels, match="has 200x150 pixels; the limit is 100"):
        processes.decode(IMAGES["jpeg"], Limits(100, 1), AS_IS, None)


def test_lack_of_memory_stays_that() -> None:
    processes = DecodeProcesses(1, OutOfMemoryHere())
    with pytest.raises(MemoryError):
        processes.decode(IMAGES["png"], LIMITS, AS_IS, None)
    processes.close()


def test_a_result_that_cannot_be_sent_is_an_error() -> None:
    processes = DecodeProcesses(1, Unpicklable())
    with pytest.raises(TypeError, match="cannot pickle") as raised:
        processes.decode(IMAGES["png"], LIMITS, AS_IS, None)
    processes.close()
    assert "in _reply" in raised.value.__notes__[0]


def test_an_image_that_takes_down_its_process_costs_itself_alone(
    processes: DecodeProcesses,
) -> None:
    contents = [plain(DEADLY if number % 4 == 1 else 100 + number) for number in range(12)]
    with ThreadPoolExecutor(len(contents)) as threads:
        futures = [
            threads.submit(processes.decode, content, LIMITS, AS_IS, None) for content in contents
        ]
    for number, future in enumerate(futures):
        if number % 4 == 1:
            with pytest.raises(DecoderDied):
                future.result()
        else:
            prepared, _ = future.result()
            assert np.all(prepared["pixel_values"] == 100 + number)


def test_a_killed_process_loses_no_image() -> None:
    content = encoded(noise(900, 900, seed=9))
    others = set(multiprocessing.active_children())
    processes = DecodeProcesses(2, PREPARE)
    processes.decode(content, LIMITS, AS_IS, None)
    with ThreadPoolExecutor(6) as threads:
        futures = [threads.submit(processes.decode, content, LIMITS, AS_IS, None) for _ in range(6)]
        for child in set(multiprocessing.active_children()) - others:
            child.kill()
    want = expected(content)
    for future in futures:
        assert np.array_equal(future.result()[0]["pixel_values"], want)
    assert np.array_equal(processes.decode(content, LIMITS, AS_IS, None)[0]["pixel_values"], want)
    processes.close()
    assert set(multiprocessing.active_children()) <= others


def test_they_outlive_their_fork_server_and_end_with_a_worker_that_ends_at_once() -> None:
    program = """
import multiprocessing, os, signal, numpy
from pathlib import Path
from tests.images import encoded, noise
from worker.images.decode import AS_IS
from worker.images.decode_processes import DecodeProcesses, preload
from worker.images.limits import Limits
from worker.images.preprocess import Normalise, Stretch
nothing = numpy.zeros(3, dtype=numpy.float32)
preload()
processes = DecodeProcesses(1, Stretch(8, 8, 3, Normalise(nothing, nothing)))
def decode():
    processes.decode(encoded(noise(9, 9)), Limits(100, 1), AS_IS, None)
decode()
[first] = multiprocessing.active_children()
server = int(Path(f"/proc/{first.pid}/stat").read_text().rpartition(")")[2].split()[1])
os.kill(server, signal.SIGKILL)
decode()
os.kill(first.pid, signal.SIGKILL)
decode()
print(*(child.pid for child in multiprocessing.active_children()), flush=True)
os._exit(74)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    assert ended.returncode == 74
    [pid] = ended.stdout.splitlines()[-1].split()  # below warnings
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), "the process has ended")


def test_the_number_of_processes_is_as_set_and_by_default_one_for_each_core_of_a_gpus_host() -> (
    None
):
    assert count_of("3", "cpu") == 3
    assert count_of("0", "cuda:0") == 0
    assert count_of("auto", "cpu") == 0
    assert count_of("auto", "cuda:0") == min(16, len(os.sched_getaffinity(0)))


def is_asleep(thread: threading.Thread) -> bool:
    """Whether the kernel lets the thread wait, as it does in a write to a full pipe."""
    stat = Path(f"/proc/self/task/{thread.native_id}/stat").read_text()
    return stat.rpartition(")")[2].split()[0] == "S"


def test_a_process_that_dies_while_an_image_is_sent_leaves_no_thread_behind() -> None:
    content = encoded(noise(700, 500, seed=10), "BMP")  # 1 MB, more than a pipe takes
    before = threading.active_count()
    others = set(multiprocessing.active_children())
    processes = DecodeProcesses(2, PREPARE)

    def decode(image: bytes) -> PreparedImage:
        return processes.decode(image, LIMITS, AS_IS, None)[0]

    def started() -> list[BaseProcess]:
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(decode, [IMAGES["jpeg"]] * 2))
        return list(set(multiprocessing.active_children()) - others)

    wait_until(lambda: len(started()) == 2, "both have started")
    decoded: list[PreparedImage] = []
    send = partial(threading.Thread, target=lambda: decoded.append(decode(content)))
    senders = [send(), send()]
    first, second = started()
    for process in (first, second):
        assert process.pid
        os.kill(process.pid, signal.SIGSTOP)  # it reads nothing from now on
    for sender in senders:
        sender.start()
    wait_until(lambda: all(map(is_asleep, senders)), "both pipes are full")
    try:
        first.kill()
        wait_until(lambda: decoded and threading.active_count() <= before + 1, "one thread waits")
    finally:
        second.kill()
    for sender in senders:
        sender.join()
    processes.close()
    assert len(decoded) == 2
