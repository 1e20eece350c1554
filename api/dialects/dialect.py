"""What a dialect declares, and how errors get its shape, wherever they are raised."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Flask, Response, g, has_request_context, request
from pydantic import BaseModel

from api.errors import UnknownModel
from api.problem_details import Problem, ProblemResponse

JSON = "application/json"
INVALID, NOT_FOUND, UNPROCESSABLE = 400, 404, 422


class PlainError(BaseModel):
    """An error of several dialects: what went wrong, in words."""

    error: str


@dataclass(frozen=True, slots=True)
class Dialect:
    """Another service's interface.

    `name` is that of its blueprint, and its label in metrics. `error` makes the body of an error,
    an `error_model`, of a problem. Unknown paths that begin with one of the `prefixes` are answered
    in its shape.
    """

    name: str
    error: Callable[[Problem], BaseModel]
    error_model: type[BaseModel]
    prefixes: tuple[str, ...] = ()


def status_of(problem: Problem) -> int:
    """The status that clients of other services know: 400 for invalid input, not 422."""
    if problem.code == UnknownModel.code:
        return NOT_FOUND
    return INVALID if problem.status == UNPROCESSABLE else problem.status


def message_of(problem: Problem) -> str:
    """What went wrong, with the names of parameters as clients write them.

    Where no parameter is at fault, the detail may need the title, which dialects have no place for.
    """
    message = problem.detail
    if not problem.errors and not message.startswith(problem.title):
        message = f"{problem.title}: {message}"
    for fault in problem.errors or ():
        # Not within the pointer to another item: `/input/1` begins `/input/10`.
        whole = re.escape(fault.pointer) + r"(?![/\w])"
        message = re.sub(whole, lambda found: parameter_of(found[0]), message, count=1)
    return message


def plain_error(problem: Problem) -> PlainError:
    return PlainError(error=message_of(problem))


def parameter_of(pointer: str) -> str:
    """A JSON Pointer as programs write it: `/input/3/image` is `input[3].image`."""
    return re.sub(r"/(\d+)(?=/|$)", r"[\1]", pointer).replace("/", ".").lstrip(".")


def request_id() -> str:
    """The id of this request, as in the log; an example while the document is made."""
    return str(g.request_id) if has_request_context() else "5f0c9be1d2a74836"


class Dialects:
    """Finds the dialect of a request, and puts errors into its shape."""

    def __init__(self, app: Flask, dialects: Sequence[Dialect]) -> None:
        """The routes of the dialects must be registered already."""
        self._by_name = {dialect.name: dialect for dialect in dialects}
        self._by_prefix = {prefix: each for each in dialects for prefix in each.prefixes}
        blueprints: dict[str, set[str]] = {}
        for rule in app.url_map.iter_rules():
            blueprints.setdefault(rule.rule, set()).add(rule.endpoint.partition(".")[0])
        self._by_path = {
            path: self._by_name[name]
            for path, (name, *others) in ((path, [*found]) for path, found in blueprints.items())
            if name in self._by_name and not others
        }

    def of_request(self) -> Dialect | None:
        """The dialect of this request; None if it is ours."""
        if request.blueprint:
            return self._by_name.get(request.blueprint)
        path = request.path
        if dialect := self._by_path.get(path.rstrip("/")):  # with another method
            return dialect
        prefixes = [prefix for prefix in self._by_prefix if path.startswith(prefix)]
        return self._by_prefix[max(prefixes, key=len)] if prefixes else None

    def translate(self, response: Response) -> Response:
        """Give an error the shape and status of the request's dialect; its headers are kept."""
        if isinstance(response, ProblemResponse) and (dialect := self.of_request()):
            problem = response.problem
            response.set_data(dialect.error(problem).model_dump_json().encode() + b"\n")
            response.status_code = status_of(problem)
            response.content_type = JSON
        return response
