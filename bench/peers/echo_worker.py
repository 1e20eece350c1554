"""A Celery worker with one task that does nothing: `python -m bench.peers.echo_worker`."""

from bench.peers.echo import make_app

CONCURRENCY = 64  # the most that this service's worker takes

if __name__ == "__main__":
    make_app().worker_main(
        [
            "--quiet",
            "worker",
            "--pool=threads",
            f"--concurrency={CONCURRENCY}",
            "--without-gossip",
            "--without-mingle",
            "--loglevel=warning",
        ]
    )
