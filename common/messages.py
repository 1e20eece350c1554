"""The message that sends a part to the workers, as Celery would write it."""

import base64
import uuid

import orjson

from common.protocol import TASK_NAME


def message(job: str, part: int, queue: str, request_id: str) -> bytes:
    """In version 2 of Celery's message protocol, in the envelope of Kombu's virtual transports.

    So a part can be sent in the transaction that creates its job.
    """
    name = str(uuid.uuid4())
    body = orjson.dumps([[job, part], {"request_id": request_id}, {}])
    return orjson.dumps(
        {
            "headers": {"lang": "py", "task": TASK_NAME, "id": name, "ignore_result": True},
            "properties": {
                "body_encoding": "base64",
                "delivery_tag": name,
                "delivery_info": {"exchange": "", "routing_key": queue},
            },
            "content-type": "application/json",
            "content-encoding": "utf-8",
            "body": base64.b64encode(body).decode(),
        }
    )
