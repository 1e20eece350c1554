"""The steps of an image, told apart by the functions that run."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter

OTHER, UNSEEN = "other", "threads without Python"
THREAD = re.compile(r";thread \((\d+)\): ([^;]*?)[-_\d]*;")
WAITS = re.compile(
    r"[;.](wait\w*|acquire|select|poll|accept|_worker|read_from_socket|\w*can_read) \([^;]*$"
)
Steps = Sequence[tuple[str, re.Pattern[str]]]
"""Names, and what the stack of a thread contains in that step; the first that matches counts."""


def _steps(**patterns: str) -> Steps:
    return [(name.replace("_", " "), re.compile(pattern)) for name, pattern in patterns.items()]


# `common` is on both sides: the ledger, the cache, and the notifications about them.
REDIS = r"common/(redis|ledger|cache|fleet)/|/redis/"
CELERY = r"/(celery|kombu|vine|amqp|billiard)/"
LOG = r"/telemetry/|structlog/|/logging/|prometheus_client/"
WORKER = _steps(
    normalise=r"normalise \(",
    forward_pass=r"encode_(images|texts) \(|worker/model/cpu",
    decode=r"ImageFile\.load \(|\.decode \(worker/images",
    resize=r"\.prepare_image \(",
    checks_of_the_file=r"worker/images/",
    batcher=r"worker/batching/",
    ledger_and_cache=REDIS,
    metrics_and_log=LOG,
    Celery=CELERY + r"|worker/(queue|app|process|prefetch)",
    part=r"worker/part/",
)
API = _steps(
    ledger_and_cache=REDIS,
    task_message=CELERY + r"|send_parts",
    metrics_and_log=LOG,
    waiting=r"api/dispatch/waiter",
    scores_and_answer=r"api/answer/",
    JSON_and_base64=r"api/request/",
    dispatch=r"api/dispatch/",
    keys_and_limits=r"api/access/",
    HTTP=r"gunicorn|flask|werkzeug|api/",
)


def by_step(stacks: Iterable[str], cpu: Mapping[int, float], steps: Steps) -> dict[str, float]:
    """Distribute the CPU time of threads, by their number, over the steps they were seen in.

    `stacks` are lines as `py-spy record --format raw --threads` writes them: frames, the outermost
    first, separated by semicolons, and how often they were seen. Whatever waits takes no time.
    Threads whose names differ in their numbers only count as one: each alone is seen too rarely.
    """
    names: dict[int, str] = {}
    seen: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for line in stacks:
        stack, _, count = line.rpartition(" ")
        if thread := THREAD.search(stack):
            names[int(thread[1])] = thread[2]
            if not WAITS.search(stack):
                matching = (name for name, pattern in steps if pattern.search(stack))
                seen[thread[2]][next(matching, OTHER)] += int(count)
    total: defaultdict[str, float] = defaultdict(float)
    for number, spent in cpu.items():
        counts = seen.get(names.get(number, "")) or Counter({UNSEEN: 1})
        for step, times in counts.items():
            total[step] += spent * times / counts.total()
    return dict(sorted(total.items(), key=itemgetter(1), reverse=True))
