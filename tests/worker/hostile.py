"""What somebody may write who reaches the Redis of the service; each entry does its worst."""

import base64
import json
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from redis import Redis

from common.protocol import BULK, INTERACTIVE, TASK_NAME, queues_of

Act: TypeAlias = Callable[[Redis], object]
JOB = "ab" * 16
QUEUES = queues_of("")
PIDBOX = "/0.celery.pidbox"
SIGNATURE = {"task": TASK_NAME, "args": [JOB, 0], "kwargs": {}, "options": {"queue": "stolen"}}
MANY_BRACKETS = "[" * 100_000
BINDINGS = [f"_kombu.binding.{name}" for name in (*QUEUES, "celery.pidbox", "reply.celery.pidbox")]


class Touch:
    """Unpickled, it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def b64(content: bytes | str) -> str:
    return base64.b64encode(content if isinstance(content, bytes) else content.encode()).decode()


def message(
    args: object = (JOB, 0),
    kwargs: object = None,
    embed: object = None,
    headers: Mapping[str, object] | None = None,
    properties: Mapping[str, object] | None = None,
    **changes: object,
) -> dict[str, Any]:
    """A message as the API sends it, but for the changes."""
    body = [args, {"request_id": "r"} if kwargs is None else kwargs, embed or {}]
    return {
        "body": b64(json.dumps(body)),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {
            "lang": "py",
            "task": TASK_NAME,
            "id": "2f84e86e-6fc8-4e91-8d57-78bb9b090ade",
            "eta": None,
            "expires": None,
            "retries": 0,
            "timelimit": [None, None],
            **(headers or {}),
        },
        "properties": {
            "delivery_tag": "d2a8c48f-c8e6-4d03-9380-961092533fea",
            "delivery_info": {"exchange": "", "routing_key": INTERACTIVE},
            "body_encoding": "base64",
            **(properties or {}),
        },
        **changes,
    }


def without(*keys: str) -> dict[str, Any]:
    return {key: value for key, value in message().items() if key not in keys}


def push(content: object, queue: str = INTERACTIVE) -> Act:
    raw = content if isinstance(content, bytes | str) else json.dumps(content)
    return lambda redis: redis.lpush(queue, raw)


def put(key: str, content: object) -> Act:
    """Have a key hold a string, whatever it held."""
    return lambda redis: redis.set(key, str(content))


def bindings(redis: Redis) -> None:
    for key in BINDINGS[:-1]:  # all but that of the answers to remote control
        redis.delete(key)
        redis.sadd(key, "x", b"\xff")


def lost_part(redis: Redis) -> None:
    """A part of nobody's, for the worker to send again to where it does not belong."""
    redis.zadd("clip:open", {b"\xff": 0, b"x": 1, f"{JOB}:0:1".encode(): 2})
    forged: dict[Any, Any] = {"state": "running", "state:0": "running", "owner:0": "nobody"}
    forged |= {"sent:0": 1, "deadline": 10**12, "queue": "stolen"}
    redis.hset(f"clip:job:{JOB}", mapping=forged)


def broadcast(content: object) -> Act:
    raw = content if isinstance(content, bytes | str) else json.dumps(content)
    return lambda redis: redis.publish(PIDBOX, raw)


def command(method: str, more: Mapping[str, object] | None = None, **arguments: object) -> Act:
    """A command of Celery's remote control."""
    body = json.dumps({"method": method, "arguments": arguments, **(more or {})})
    return broadcast(message(body=b64(body), headers={"clock": 1}))


def payloads(marker: Path) -> dict[str, Act]:
    """Messages that would create a file, were they read as what they say they are."""
    pickled = pickle.dumps([[JOB, 0], {"request_id": Touch(marker)}, {}])
    yaml = f"!!python/object/apply:pathlib.Path.touch [{marker}]"
    kinds: dict[str, tuple[str, bytes | str]] = {
        "pickle": ("application/x-python-serialize", pickled),
        "yaml": ("application/x-yaml", yaml),
        "msgpack": ("application/x-msgpack", b"\x93\xc7\x01\x05\x00"),
        "unknown": ("application/x-unknown", b"\0"),
    }
    return {
        f"{name} {way}": act(
            message(body=b64(body)) | {"content-type": kind, "content-encoding": "binary"}
        )
        for name, (kind, body) in kinds.items()
        for way, act in (("queued", push), ("broadcast", broadcast))
    }


ACTS: dict[str, Act] = {
    "nothing": push(b""),
    "no JSON": push("{"),
    "no UTF-8": push(b"\xff\xfe"),
    "a list": push([1, 2]),
    "null": push("null"),
    "a number without end": push("1" * 5000),
    "deep JSON": push(MANY_BRACKETS),
    "deep JSON in the bulk queue": push("[" * 10_000, BULK),
    "very much": push("x" * 1_000_000),
    "an empty envelope": push({}),
    "no headers": push(without("headers")),
    "no body": push(without("body")),
    "no properties": push(without("properties")),
    "headers of another type": push(without("headers") | {"headers": [1]}),
    "no delivery tag": push(without("properties") | {"properties": {"body_encoding": "base64"}}),
    "body without base64": push(message(body="%%%")),
    "body of another encoding": push(message(properties={"body_encoding": "rot13"})),
    "body without JSON": push(message(body=b64("{"))),
    "deep body": push(message(body=b64("[" * 9000))),
    "body of protocol 1": push(message(body=b64(json.dumps({"task": TASK_NAME, "args": [JOB]})))),
    "a bomb": push(message(headers={"compression": "application/x-gzip"})),
    "unknown task": push(message(headers={"task": "os.system"})),
    **{
        f"celery.{task}": push(message(headers={"task": f"celery.{task}"}))
        for task in ("map", "starmap", "chunks", "group", "chain", "chord")
    },
    "celery.backend_cleanup": push(message([], {}, headers={"task": "celery.backend_cleanup"})),
    "celery.chord_unlock": push(
        message(["g", SIGNATURE], {"result": []}, headers={"task": "celery.chord_unlock"})
    ),
    "eta far away": push(message(headers={"eta": "9999-01-01T00:00:00"})),
    "eta of another type": push(message(headers={"eta": {"a": 1}})),
    "expired": push(message(headers={"expires": "1999-01-01T00:00:00"})),
    "expires without sense": push(message(headers={"expires": "tomorrow"})),
    "huge retries": push(message(headers={"retries": 10**30})),
    "time limits": push(message(headers={"timelimit": [0.001, "x"]})),
    "stamps": push(message(headers={"stamped_headers": 5, "stamps": 5})),
    **{
        name: push(message(embed={name: [SIGNATURE]}))
        for name in ("callbacks", "errbacks", "chain", "chord")
    },
    "group": push(message(headers={"group": "g", "group_index": "x"})),
    "another routing key": push(
        message(properties={"delivery_info": {"exchange": "e", "routing_key": ["stolen"]}})
    ),
    "no delivery info": push(message(properties={"delivery_info": 7, "priority": "x"})),
    "too few arguments": push(message([JOB])),
    "too many arguments": push(message([JOB, 0, 1])),
    "arguments of another type": push(message({"job": JOB})),
    "unknown option": push(message(kwargs={"request_id": "r", "x": 1})),
    "job of another shape": push(message(["*", 0])),
    "part of another type": push(message([JOB, True])),
    "part below zero": push(message([JOB, -1])),
    "request id with a line break": push(message(kwargs={"request_id": "r\nr"})),
    "an unknown job": push(message()),
    **{f"{queue} is a string": put(queue, "x") for queue in QUEUES},
    "bindings are strings": lambda redis: redis.mset(dict.fromkeys([*BINDINGS, INTERACTIVE], "x")),
    "bindings of another shape": bindings,
    "a lost part that is none": lost_part,
    "a heartbeat of another shape": lambda redis: [
        redis.zadd("clip:workers", {"w": 1e12}),
        redis.set("clip:worker:w", "[]"),
    ],
    "broadcast without JSON": broadcast("{"),
    "broadcast list": broadcast([1]),
    "broadcast null": broadcast("null"),
    "empty broadcast": broadcast({}),
    "deep broadcast": broadcast(MANY_BRACKETS),
    "broadcast without command": broadcast(message()),
    "broadcast bomb": broadcast(message(headers={"compression": "application/x-gzip"})),
    "broadcast clock": broadcast(message(headers={"clock": "x"})),
    **{
        name: command(name, **arguments)
        for name, arguments in (
            ("shutdown", {}),
            ("pool_shrink", {"n": 1000}),
            ("pool_grow", {"n": 10**9}),
            ("pool_restart", {"modules": ["antigravity"], "reload": True}),
            ("cancel_consumer", {"queue": INTERACTIVE}),
            ("add_consumer", {"queue": "stolen"}),
            ("rate_limit", {"task_name": TASK_NAME, "rate_limit": "1/h"}),
            ("ping", {"unknown": 1}),
        )
    },
    "a pattern that takes for ever": command(
        "ping", {"pattern": "(.*)*(.*)*(.*)*(.*)*x\\0", "matcher": "pcre"}
    ),
    "a reply to nowhere": command("ping", {"reply_to": 5, "ticket": 6}),
    "a wrong destination": command("ping", {"destination": 5}),
}
