"""What the OpenAPI document says of webhooks, where the service sends any."""

from typing import Any

from api.request.callbacks import PARAMETER
from api.request.schemas import WEB_ADDRESS
from common.protocol.messages import MAX_URL_CHARS

HEADERS = {
    "webhook-id": "the same for each attempt: what came before may be skipped",
    "webhook-timestamp": "seconds since 1970, of this attempt",
    "webhook-signature": "one or more of `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`",
}
URL = {"type": "string", "pattern": WEB_ADDRESS, "maxLength": MAX_URL_CHARS}
CALLBACK = {
    "name": PARAMETER,
    "in": "query",
    "required": False,
    "schema": URL,
    "description": "only of an asynchronous request: where it is told that the job has ended",
}


def webhooks(job_ended: dict[str, Any]) -> dict[str, Any]:
    """The request to a `callback_url`, of the schema of its body."""
    string = {"type": "string"}
    headers = [
        {"name": name, "in": "header", "required": True, "schema": string, "description": words}
        for name, words in HEADERS.items()
    ]
    told = {
        "operationId": "job_ended",
        "summary": "A job has ended; sent as Standard Webhooks has it, at least once.",
        "security": [],
        "parameters": headers,
        "requestBody": {"required": True, "content": {"application/json": {"schema": job_ended}}},
        "responses": {
            "2XX": {"description": "It was received."},
            "429": {"description": "Try again, when `Retry-After` says."},
            "4XX": {"description": "Give up."},
            "5XX": {"description": "Try again."},
        },
    }
    return {"jobEnded": {"post": told}}
