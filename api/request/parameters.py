"""Query parameters that a route does not declare: errors, because they would be ignored."""

from flask import current_app, request

from api.access.keys import OPEN, UNLIMITED
from api.errors import InvalidRequest, ItemFault
from api.openapi.operation import Operation, known_parameters, operation_of, parameter_fault
from api.request.schemas import RankRequest
from api.request.validation import MAX_KEY_CHARS

# Blueprints whose routes ignore unknown parameters, which links and monitors may add.
LENIENT = OPEN | UNLIMITED


def check_parameters() -> None:
    """Raise InvalidRequest for query parameters that the route does not declare."""
    if request.method == "OPTIONS" or request.endpoint is None or request.blueprint in LENIENT:
        return
    operation = operation_of(current_app.view_functions[request.endpoint])
    if operation is None or operation.dialect:
        return
    known = known_parameters(operation)
    faults = [_fault(name, known, operation) for name in request.args if name not in known]
    if faults:
        raise InvalidRequest(faults, faults[0].detail)


def _fault(name: str, known: list[str], operation: Operation) -> ItemFault:
    is_in_body = operation.id == "rank" and name in RankRequest.model_fields
    fault = "is a key of the body" if is_in_body else "is not known"
    return parameter_fault(name[:MAX_KEY_CHARS], known, fault)
