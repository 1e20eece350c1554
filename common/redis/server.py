"""Whether the Redis of the settings can be used at all."""

import os
from collections.abc import Iterable
from typing import Any, cast

from redis.exceptions import AskError, ClusterCrossSlotError, ClusterError, NoPermissionError

from common.redis import connection
from common.redis.keys import Keys

EXIT_UNUSABLE = os.EX_CONFIG  # 78
CLUSTER = (
    "Redis runs in cluster mode, but all keys of a job must be on one server; "
    "use a Redis whose `cluster-enabled` is `no`"
)
SENTINEL = "this is a Sentinel, which stores no data; use an address of the primary"
CLUSTER_ERRORS = (ClusterError, ClusterCrossSlotError, AskError)


class UnusableServer(Exception):
    """Redis answers, but cannot be used; the message names the setting and says why."""


def check_server(url: str, keys: Keys, queues: Iterable[str]) -> None:
    """Check the mode of Redis, and that the keys of these queues hold queues.

    Raises:
        UnusableServer: the service would not work, or would destroy the data of another one.
        redis.exceptions.RedisError: Redis does not answer.
    """
    with connection.fail_fast(url, max_connections=1) as redis:
        try:
            info = cast("dict[str, Any]", redis.info())
        except NoPermissionError:
            info = {}
        mode = info.get("redis_mode") or info.get("server_mode")  # the latter is Valkey's
        if info.get("cluster_enabled") or mode == "cluster":
            raise UnusableServer(f"CLIP_REDIS_URL: {CLUSTER}")
        if mode == "sentinel":
            raise UnusableServer(f"CLIP_REDIS_URL: {SENTINEL}")
        for key in map(keys, queues):
            kind = cast("bytes", redis.type(key)).decode()
            if kind not in ("list", "none"):
                raise UnusableServer(
                    f"CLIP_REDIS_PREFIX: the key {key} is a {kind} of another application, not a "
                    "queue; choose another prefix"
                )


def is_of_cluster(error: Exception) -> bool:
    """Whether a command failed because Redis runs in cluster mode."""
    return isinstance(error, CLUSTER_ERRORS) or "in a cluster node" in str(error)
