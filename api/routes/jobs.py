"""GET /jobs and /jobs/{id}, POST /jobs/{id}/cancel, DELETE /jobs/{id}."""

import math

from flask import Blueprint, Response, g, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.access.proxies import path_prefix
from api.answer.jobs import Details, Job, JobList, stream, summary
from api.answer.responses import RETRY_AFTER_S, streamed
from api.dispatch.client_jobs import Jobs
from api.dispatch.dispatcher import Dispatcher
from api.errors import (
    InvalidRequest,
    ItemFault,
    JobHasEnded,
    ModelChanged,
    NotFound,
)
from api.openapi.operation import Answer, Operation, parameter
from api.openapi.submissions import SECONDS
from api.request.preference import parse_wait
from api.settings import ApiSettings
from common.errors import JobLost
from common.ledger.records import JobRecord, State

SCANNED_AT_ONCE = 100
MAX_SCANNED = 1000


class ListQuery(BaseModel):
    """The query parameters of GET /jobs."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    status: State | None = Field(default=None, description="only jobs in this state")
    limit: int = Field(default=20, ge=1, le=100, description="maximum number of jobs")
    # The creation time of the last job seen.
    cursor: str | None = Field(
        default=None,
        pattern=r"^[0-9]{1,12}(\.[0-9]{1,12})?$",
        description="`next` of the previous page",
    )


FRESH = {"Cache-Control": "`no-store`"}
JOBS = Answer("The jobs.", JobList, headers=FRESH)
JOB = Answer("The job.", Job, headers={**FRESH, "Retry-After": "seconds, if the job has not ended"})
FORGOTTEN: Answer[None] = Answer("It is gone.", None, 204)
WAIT = parameter("wait", "query", SECONDS, "seconds to wait for it")
LIST = Operation(
    "jobs",
    "List the asynchronous jobs, newest first.",
    "To find a job again, or to see what is queued, running or failed.",
    (JOBS,),
    query=ListQuery,
)
LOOK = Operation(
    "job",
    "Get a job, with its result once it is done.",
    "To follow an asynchronous request: with `wait`, the answer comes as soon as the job ends.",
    (JOB,),
    (NotFound, JobLost, ModelChanged),
    (WAIT,),
)
CANCEL = Operation(
    "cancel",
    "Cancel a job.",
    "To stop work that nobody needs any more: results are discarded, and the job stays listed.",
    (JOB,),
    (NotFound, JobHasEnded, JobLost),
)
FORGET = Operation(
    "forget",
    "Delete a job; cancel it first if it runs.",
    "To remove images and results at once, instead of when they expire.",
    (FORGOTTEN,),
    (NotFound, JobLost),
)


def make_blueprint(dispatcher: Dispatcher, settings: ApiSettings) -> Blueprint:
    jobs = dispatcher.jobs
    blueprint = Blueprint("jobs", __name__, url_prefix="/jobs")

    @blueprint.get("")
    @LIST
    def list_jobs() -> Response:
        query = _list_query()
        found, cursor = _matching(jobs, g.owner, query)
        listed = [summary(record, path_prefix()) for record in found]
        return _fresh(JOBS.of(JobList(jobs=listed, next=cursor)))

    @blueprint.get("/<job>")
    @LOOK
    def get_job(job: str) -> Response:
        wait = parse_wait(request.args.get("wait", "0"), settings.sync_timeout_s)
        with dispatcher.place_to_poll(g.started + wait) as deadline:
            record = jobs.wait(job, g.owner, deadline)
        return document(record)

    @blueprint.post("/<job>/cancel")
    @CANCEL
    def cancel_job(job: str) -> Response:
        if not jobs.cancel(job, g.owner):
            raise JobHasEnded
        return document(jobs.read(job, g.owner))

    @blueprint.delete("/<job>")
    @FORGET
    def forget_job(job: str) -> Response:
        jobs.forget(job, g.owner)
        return Response(status=204)

    def document(record: JobRecord) -> Response:
        outcome = jobs.outcome(record)
        candidates = dispatcher.label_sets.candidates_of(outcome)
        details = Details(jobs.callback(record), labels_of(record))
        pieces = stream(outcome, candidates, path_prefix(), details)
        response = _fresh(streamed(pieces))
        if not record.has_ended:
            response.headers["Retry-After"] = str(RETRY_AFTER_S)
        return response

    def labels_of(record: JobRecord) -> list[str | None] | None:
        of = record.request.label_set
        if of is None:
            return jobs.labels(record)
        content = dispatcher.label_sets.content(record.owner, of)
        return content.labels if content else None

    return blueprint


def _fresh(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response


def _list_query() -> ListQuery:
    try:
        return ListQuery.model_validate(request.args.to_dict())
    except ValidationError as error:
        faults = [
            ItemFault("", "invalid_parameter", f"parameter {each['loc'][0]}: {each['msg']}")
            for each in error.errors()
        ]
        raise InvalidRequest(faults, faults[0].detail) from None


def _matching(jobs: Jobs, owner: str, query: ListQuery) -> tuple[list[JobRecord], str | None]:
    """A page of an owner's jobs, and the cursor of the next page if there may be more."""
    found: list[JobRecord] = []
    before = math.inf if query.cursor is None else float(query.cursor)
    for _ in range(MAX_SCANNED // SCANNED_AT_ONCE):
        scanned = jobs.listed(owner, before, SCANNED_AT_ONCE)
        for record, created in scanned:
            before = created
            if record is None or (query.status and record.state != query.status):
                continue
            found.append(record)
            if len(found) == query.limit:
                return found, repr(before)
        if len(scanned) < SCANNED_AT_ONCE:
            return found, None
    return found, repr(before)
