"""Settings of malloc, checked in a separate process."""

from tests.worker.model.cpu.test_runtime import output_of

ARENAS_OF_MANY_THREADS = """
import ctypes, threading
from common.runtime import share_arenas
{call}
together = threading.Barrier(8)
library = ctypes.CDLL(None)
library.malloc.restype = library.fdopen.restype = ctypes.c_void_p
def take():
    together.wait()
    for _ in range(100):
        library.malloc(ctypes.c_size_t(1000))
    together.wait()
threads = [threading.Thread(target=take) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
library.malloc_info(0, ctypes.c_void_p(library.fdopen(1, b"w")))
library.fflush(None)
"""


def arenas(call: str) -> int:
    return output_of(ARENAS_OF_MANY_THREADS.format(call=call)).count("<heap nr=")


def test_threads_share_what_memory_is_free() -> None:
    assert arenas("") > 2
    assert arenas("share_arenas()") == 2


def test_the_garbage_collector_passes_over_what_is_loaded() -> None:
    program = (
        "import gc, common.runtime as r; kept = [[] for _ in range(1000)];"
        "r.freeze_gc(); print(gc.get_freeze_count() >= 1000 > len(gc.get_objects()))"
    )
    assert output_of(program) == "True"


def test_the_garbage_collector_waits_while_things_load() -> None:
    program = (
        "import gc, common.runtime as r; r.pause_gc(); waits = not gc.isenabled();"
        "r.freeze_gc(); print(waits, gc.isenabled())"
    )
    assert output_of(program) == "True True"


def test_sigterm_ends_a_process_that_loads_even_in_a_finalizer() -> None:
    program = (
        "import os, signal, common.runtime as r\n"
        "class Fragile:\n"
        "    def __del__(self): os.kill(os.getpid(), signal.SIGTERM)\n"
        "r.end_on_sigterm(); print('loading', flush=True); Fragile(); print('lives', flush=True)"
    )
    assert output_of(program) == "loading"
