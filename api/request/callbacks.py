"""`callback_url`: where a caller wants to be told that a job has ended."""

from typing import Any
from urllib.parse import urlsplit

from flask import Request

from api.request.items import checked_url
from api.request.preference import Preference
from api.settings import ApiSettings
from common.errors import InvalidRequest, ItemError, ItemFault
from common.ledger.records import JobRecord, timestamp
from common.webhooks.outbox import Delivery

PARAMETER = "callback_url"


def callback_of(
    request: Request, in_body: str | None, wish: Preference, settings: ApiSettings
) -> str:
    """The URL that a request names, in its body or as a parameter; empty when it names none.

    Raises:
        InvalidRequest: it may not name one, or not this one.
    """
    in_query = request.args.get(PARAMETER)
    if in_body is None and in_query is None:
        return ""
    if in_body is not None and in_query is not None:
        raise _fault(in_body, "ambiguous_callback", "is given twice")
    if not settings.webhook_secrets:
        detail = "is given, and this service sends no webhooks: it has no CLIP_WEBHOOK_SECRET"
        raise _fault(in_body, "no_webhooks", detail)
    if not wish.is_async:
        detail = "is for asynchronous requests alone: ask with Prefer: respond-async, or wait=N"
        raise _fault(in_body, "not_asynchronous", detail)
    url = in_body or in_query or ""
    try:
        if "@" in urlsplit(checked_url(url)).netloc:
            raise _fault(in_body, "url_refused", "has a user name or password in it")
    except ItemError as error:
        raise _fault(in_body, error.code, error.detail) from None
    return url


def _fault(in_body: str | None, code: str, detail: str) -> InvalidRequest:
    if in_body is not None:
        return InvalidRequest([ItemFault(f"/{PARAMETER}", code, detail)])
    detail = f"parameter {PARAMETER} {detail}"
    return InvalidRequest([ItemFault("", code, detail)], detail)


def document(record: JobRecord, delivery: Delivery | None) -> dict[str, Any]:
    """What a caller is shown of the delivery of a job's end; None before there is one.

    A URL may hold secrets. Where no keys are asked for everybody may see the job, and is shown no
    more of it than its host.
    """
    parts = urlsplit(record.callback)
    nothing = "failed" if record.has_ended else "pending"  # it was given up long ago
    return {
        "url": record.callback if record.owner else f"{parts.scheme}://{parts.netloc}",
        "state": delivery.state if delivery else nothing,
        "attempts": delivery.attempts if delivery else 0,
        "last_status": delivery.status if delivery else None,
        "last_error": (delivery.error or None) if delivery else None,
        "next_attempt_at": timestamp(delivery.next) if delivery else None,
    }
