"""`python -m worker.health`: a container's health check, for the workers of this host.

Exits with 0 if a worker of this host sends heartbeats; with 1 and a message if none does or Redis
does not answer. Loads neither a model nor torch. One live worker of the host is enough.
"""

import socket
import sys

from redis.exceptions import RedisError

from common.fleet.heartbeats import Heartbeats, host_of
from common.redis import connection
from common.settings import SharedSettings, read


def main() -> int:
    settings = read(SharedSettings)
    host = socket.gethostname()
    with connection.fail_fast(settings.redis_url, max_connections=1) as redis:
        try:
            beats = Heartbeats(redis, settings.worker_ttl_s, settings.keys).alive()
        except RedisError as error:
            print(f"Redis does not answer: {type(error).__name__}")  # noqa: T201
            return 1
    mine = [beat.name for beat in beats if host_of(beat.name) == host]
    print(f"alive: {', '.join(mine)}" if mine else f"no live worker on {host}")  # noqa: T201
    return 0 if mine else 1


if __name__ == "__main__":
    sys.exit(main())
