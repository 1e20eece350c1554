"""`python -m worker`: Celery's worker with the right pool, concurrency, queues and name.

It also takes the options of `celery worker`, such as `-Q bulk`.
"""

import signal
import sys

from common.runtime import freeze_gc, pause_gc, share_arenas
from worker.app import app, node_name, process
from worker.model.cpu.runtime import let_waiting_threads_sleep


def main() -> None:
    # Until Celery handles it: as PID 1 of a container, a loading worker would ignore SIGTERM.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if process.settings.cpu_acceleration == "auto":
        share_arenas()
        let_waiting_threads_sleep()
    pause_gc()
    process.configure_logs()
    process.load()
    freeze_gc()
    app.worker_main(
        [
            "--quiet",
            "worker",
            "--pool=threads",
            f"--hostname={node_name()}",
            "--without-gossip",
            "--without-mingle",
            f"--loglevel={process.settings.log_level}",
            *sys.argv[1:],
        ]
    )
    sys.exit(process.exit_code)  # worker_main does not return it


if __name__ == "__main__":
    main()
