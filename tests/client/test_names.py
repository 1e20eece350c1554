"""IDs and names that would be the path of another resource."""

from collections.abc import Callable, Iterator

import pytest
from clip_api_client import Client, errors

CALLS: dict[str, Callable[[Client, str], object]] = {
    "job": Client.job,
    "cancel": Client.cancel,
    "delete": Client.delete,
    "label_set": Client.label_set,
    "put_label_set": lambda client, name: client.put_label_set(name, ["a"]),
    "edit_label_set": lambda client, name: client.edit_label_set(name, add=["a"]),
    "delete_label_set": Client.delete_label_set,
}


@pytest.fixture(scope="module")
def alone() -> Iterator[Client]:
    """A client of no service: a request would be an outage."""
    with Client("localhost:1", retries=0) as client:
        yield client


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", ["", ".", ".."])
def test_such_a_name_is_refused_without_a_request(alone: Client, call: str, name: str) -> None:
    with pytest.raises(errors.RequestError) as raised:
        CALLS[call](alone, name)
    assert str(raised.value) == f"{name!r} cannot be an ID or a name"
