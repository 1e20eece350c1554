"""`python -m worker.health`: whether a worker of this host beats, for a container's health check.

Ends with 0 if one does; with 1 and a sentence if none does, or Redis cannot say. Loads no model
and no torch. Where several workers share a host name, one that lives speaks for all.
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
            beats = Heartbeats(redis, settings.worker_ttl_s).alive()
        except RedisError as error:
            print(f"Redis is away: {type(error).__name__}")  # noqa: T201
            return 1
    mine = [beat.name for beat in beats if host_of(beat.name) == host]
    print(f"alive: {', '.join(mine)}" if mine else f"no worker of {host} beats")  # noqa: T201
    return 0 if mine else 1


if __name__ == "__main__":
    sys.exit(main())
