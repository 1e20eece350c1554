"""`python -m worker`: Celery's worker with the right pool, concurrency, queues and name.

It also takes the options of `celery worker`, such as `-Q bulk`.
"""

import sys

from common.runtime import end_on_sigterm, freeze_gc, pause_gc, share_arenas
from worker.app import app, node_name, process
from worker.model.cpu.runtime import let_waiting_threads_sleep


def main() -> None:
    end_on_sigterm()  # until Celery handles it
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
