"""Query parameters that a route does not declare: errors, because they would be ignored."""

from flask import current_app, request

from api.access.keys import OPEN, UNLIMITED
from api.errors import InvalidRequest, ItemFault
from api.openapi.operation import Operation, operation_of
from api.request.body import MAX_KEY_CHARS
from api.request.schemas import RankRequest

# Blueprints whose routes ignore unknown parameters, which links and monitors may add.
LENIENT = OPEN | UNLIMITED


def check_parameters() -> None:
    """Raise InvalidRequest for query parameters that the route does not declare."""
    if request.method == "OPTIONS" or request.endpoint is None or request.blueprint in LENIENT:
        return
    operation = operation_of(current_app.view_functions[request.endpoint])
    if operation is None:
        return
    known = known_parameters(operation)
    faults = [
        ItemFault("", "unknown_parameter", _detail(name, known, operation))
        for name in request.args
        if name not in known
    ]
    if faults:
        raise InvalidRequest(faults, faults[0].detail)


def known_parameters(operation: Operation) -> list[str]:
    """The names of the query parameters that an operation declares."""
    own = [each["name"] for each in operation.parameters if each["in"] == "query"]
    return own + list(operation.query.model_fields if operation.query else ())


def _detail(name: str, known: list[str], operation: Operation) -> str:
    in_body = operation.id == "rank" and name in RankRequest.model_fields
    fault = "is a key of the body" if in_body else "is not known"
    others = f"known parameters: {', '.join(known)}" if known else "there are no parameters here"
    return f"parameter {name[:MAX_KEY_CHARS]}: {fault}; {others}"
