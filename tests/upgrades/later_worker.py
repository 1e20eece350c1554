"""A worker of a release to come, which knows one format more.

`python -m tests.upgrades.later_worker`; it has the fake model of tests/faults/worker.py.
"""

from common import jobs, protocol
from tests.faults.worker import make_encoder
from worker.__main__ import main
from worker.app import worker

if __name__ == "__main__":
    jobs.FORMAT = protocol.FORMAT + 1  # type: ignore[attr-defined]
    worker.load_encoder = make_encoder  # type: ignore[method-assign]
    main()
