"""`callback_url`: the webhook of a job, for when it has ended."""

from urllib.parse import urlsplit

from flask import Request

from api.errors import InvalidRequest, ItemFault
from api.request.items import checked_url
from api.request.preference import Preference
from api.settings import ApiSettings
from common.errors import ItemError

PARAMETER = "callback_url"


def callback_of(
    request: Request, in_body: str | None, wish: Preference, settings: ApiSettings
) -> str:
    """The callback URL of a request, in its body or as a parameter; empty if it has none.

    Raises:
        InvalidRequest: no callback URL is allowed here, or not this one.
    """
    in_query = request.args.get(PARAMETER)
    if in_body is None and in_query is None:
        return ""
    if in_body is not None and in_query is not None:
        raise _fault(in_body, "ambiguous_callback", "is given twice")
    if not settings.webhook_secrets:
        detail = "is not supported: this service has no CLIP_WEBHOOK_SECRET to sign webhooks"
        raise _fault(in_body, "no_webhooks", detail)
    if not wish.is_async:
        detail = "is for asynchronous requests only: add Prefer: respond-async, or wait=N"
        raise _fault(in_body, "not_asynchronous", detail)
    url = in_body or in_query or ""
    try:
        url = checked_url(url)
        if "@" in urlsplit(url).netloc:
            raise _fault(in_body, "url_refused", "contains a user name or password")
    except ItemError as error:
        raise _fault(in_body, error.code, error.detail) from None
    return url


def _fault(in_body: str | None, code: str, detail: str) -> InvalidRequest:
    if in_body is not None:
        return InvalidRequest([ItemFault(f"/{PARAMETER}", code, detail)])
    detail = f"parameter {PARAMETER} {detail}"
    return InvalidRequest([ItemFault("", code, detail)], detail)
