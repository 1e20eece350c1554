"""Webhooks in the OpenAPI document, if the service sends any."""

from typing import Any, Literal

from pydantic import BaseModel

from api.answer.jobs import JobModel, Links, Progress, Timestamp
from api.openapi.operation import parameter
from api.request.callbacks import PARAMETER
from api.request.patterns import WEB_ADDRESSES

HEADERS = {
    "webhook-id": "the same for each attempt: what came before may be skipped",
    "webhook-timestamp": "seconds since 1970, of this attempt",
    "webhook-signature": "one or more of `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`",
}
URL = {"type": "string", **WEB_ADDRESSES}
CALLBACK = parameter(
    *(PARAMETER, "query", URL),
    "only for asynchronous requests: the URL of the webhook for when the job has ended",
)


class JobEndedData(BaseModel):
    """A job that has ended, without its result and errors: those are at `links.self`."""

    id: str
    kind: Literal["rank", "encode"]
    status: Literal["done", "failed", "cancelled", "expired"]
    progress: Progress
    created_at: Timestamp
    started_at: Timestamp | None
    finished_at: Timestamp
    model: JobModel | None
    links: Links
    metadata: dict[str, str]


class JobEnded(BaseModel):
    """The body sent to a `callback_url`."""

    type: Literal["job.done", "job.failed", "job.cancelled", "job.expired"]
    timestamp: Timestamp
    data: JobEndedData


def webhooks(job_ended: dict[str, Any]) -> dict[str, Any]:
    """The request to a `callback_url`."""
    headers = [
        {**parameter(name, "header", {"type": "string"}, words), "required": True}
        for name, words in HEADERS.items()
    ]
    event = {
        "operationId": "job_ended",
        "summary": "A job has ended; sent at least once, as in Standard Webhooks.",
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
    return {"jobEnded": {"post": event}}
