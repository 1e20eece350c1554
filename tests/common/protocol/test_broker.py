"""Sending a part: an ordinary task message, or a log line if Redis does not answer."""

import base64

import orjson
from redis import Redis
from structlog.testing import capture_logs

from common.ledger.records import PartMessage
from common.protocol.celery_app import make_celery, send_parts
from common.protocol.messages import TASK_NAME
from tests.processes import free_port

PARTS = [PartMessage("j", number, "bulk:org/model", "r1") for number in range(2)]


def test_parts_are_sent_as_tasks_in_their_order(redis: Redis, redis_url: str) -> None:
    with make_celery(redis_url, socket_timeout_s=1) as app:
        send_parts(app, PARTS)
    messages = [orjson.loads(raw) for raw in redis.lrange("clip:bulk:org/model", 0, -1)[::-1]]
    bodies = [orjson.loads(base64.b64decode(message["body"])) for message in messages]
    assert [body[:2] for body in bodies] == [[["j", 0], {}], [["j", 1], {}]]
    headers = [message["headers"] for message in messages]
    assert [header["id"] for header in headers] == ["j:0", "j:1"]
    assert {(header["task"], header["request_id"]) for header in headers} == {(TASK_NAME, "r1")}
    assert all(header["ignore_result"] for header in headers)


def test_parts_that_cannot_be_sent_are_left_to_repair() -> None:
    nowhere = f"redis://127.0.0.1:{free_port()}"
    with capture_logs() as logs, make_celery(nowhere, socket_timeout_s=1) as app:
        send_parts(app, PARTS)
    assert [line["event"] for line in logs] == ["parts_not_sent"]
