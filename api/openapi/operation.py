"""What a route declares: the OpenAPI document and short answers are made from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from flask import Response
from pydantic import BaseModel, TypeAdapter

from api.dialects.dialect import Dialect
from api.errors import ItemFault
from api.problem_details import to_json
from common.errors import ClipError

JSON = "application/json"
DECLARED = "declared_operation"
Schema = dict[str, Any]
Body = TypeVar("Body")
Model = TypeVar("Model", bound=BaseModel)
View = TypeVar("View", bound=Callable[..., Response])


@dataclass(frozen=True, slots=True)
class Answer(Generic[Body]):
    """A successful answer of a route; the body is None if there is none.

    `headers` has the description of each. `links` are those of OpenAPI, see `links_to`.
    """

    description: str
    body: type[Body] | None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    links: Schema = field(default_factory=dict)
    media_type: str = JSON

    def of(self: "Answer[Model]", body: Model) -> Response:
        """The declared response, with this body."""
        return Response(to_json(body), self.status, content_type=self.media_type)


@dataclass(frozen=True, slots=True)
class Operation:
    """What the document says about a route, besides its rule and the errors of all routes.

    The `summary` says what it does, the `description` what it is for.
    `parameters` are those that the route reads by itself, see `parameter`; `query` has others as
    its fields. `body` validates the JSON of the request; `form` is the name of the schema of the
    form that may stand for it, or that alone is read. The errors of a `dialect` have its shape, and
    it ignores unknown query parameters.
    """

    id: str
    summary: str
    description: str
    answers: tuple[Answer[Any], ...]
    errors: tuple[type[ClipError], ...] = ()
    parameters: tuple[Schema, ...] = ()
    query: type[BaseModel] | None = None
    body: TypeAdapter[Any] | None = None
    form: str = ""
    dialect: Dialect | None = None

    def __call__(self, view: View) -> View:
        """Declare that a view performs this operation."""
        view.__dict__[DECLARED] = self
        return view


def page(view: View) -> View:
    """Declare that a view is a page for people, which the document leaves out."""
    view.__dict__[DECLARED] = None
    return view


def operation_of(view: Callable[..., Any]) -> Operation | None:
    """The operation of a view; None for a page. Raises LookupError if none is declared."""
    if DECLARED not in view.__dict__:
        raise LookupError(f"{view.__module__}.{view.__qualname__} declares no operation")
    declared: Operation | None = view.__dict__[DECLARED]
    return declared


def known_parameters(operation: Operation) -> list[str]:
    """The names of the query parameters that an operation declares."""
    own = [each["name"] for each in operation.parameters if each["in"] == "query"]
    return own + list(operation.query.model_fields if operation.query else ())


def parameter_fault(name: str, known: list[str], fault: str = "is not known") -> ItemFault:
    """The fault of a query parameter that is not among the `known` ones."""
    others = f"known parameters: {', '.join(known)}" if known else "there are no parameters here"
    return ItemFault("", "unknown_parameter", f"parameter {name}: {fault}; {others}")


def parameter(name: str, where: str, schema: Schema, description: str) -> Schema:
    about = {"name": name, "in": where, "required": where == "path"}
    return {**about, "schema": schema, "description": description}


def links_to(parameter: str, value: str, *operations: str) -> Schema:
    """OpenAPI links from an answer to operations that take a value of it as a parameter."""
    return {each: {"operationId": each, "parameters": {parameter: value}} for each in operations}
