"""From a request to its HTTP response: the result if it is there in time, else the job."""

from flask import Response, g

from api.answer.responses import job_response, result_response
from api.answer.results import Outcome
from api.dispatch.dispatcher import Dispatcher
from api.errors import DeadlineExceeded
from api.request.request import Request
from api.settings import ApiSettings
from common.protocol.messages import Priority


def respond(request: Request, dispatcher: Dispatcher, settings: ApiSettings) -> Response:
    """Encode a request's items, and answer with the result or with the job."""
    outcome = outcome_of(request, dispatcher, settings)
    is_async = request.priority is Priority.BULK
    if outcome.record.has_ended and not (is_async and request.deadline <= g.started):
        if not is_async:
            outcome.hold()
        response = result_response(outcome, dispatcher.label_sets.candidates_of(outcome))
    else:
        response = job_response(outcome)
    if is_async:
        response.headers["Preference-Applied"] = "respond-async"
    return response


def outcome_of(request: Request, dispatcher: Dispatcher, settings: ApiSettings) -> Outcome:
    """The outcome of a request at its deadline.

    Raises:
        QueueFull: an interactive request would not be done in time.
        DeadlineExceeded: an interactive request is not done in time; its job continues.
    """
    resolved = dispatcher.resolve(request)
    outcome = dispatcher.cached(resolved)
    is_interactive = request.priority is Priority.INTERACTIVE
    if is_interactive:
        g.cached = outcome is not None
    if outcome:
        return outcome
    with dispatcher.place(resolved.request) as deadline:
        submitted = dispatcher.submit(resolved)
        g.job = submitted.job
        outcome = dispatcher.follow(submitted, request.owner, deadline)
    if is_interactive and not outcome.record.has_ended:
        dispatcher.jobs.keep(submitted.job, settings.result_ttl_s)
        seconds = f"{settings.sync_timeout_s:g}"
        raise DeadlineExceeded(f"no answer within {seconds} seconds", job=submitted.job)
    return outcome
