"""The command `clip-api label-sets`."""

import sys
from argparse import Namespace

from clip_api_client.answers import LabelSet
from clip_api_client.cli.exits import FINE, SOME_FAILED, UsageError
from clip_api_client.cli.inputs import labels_of_set
from clip_api_client.cli.terminal import complain, rich_for, visible
from clip_api_client.client import Client
from clip_api_client.errors import RequestError

TEMPLATE = '--template "a photo of a {}", or --template "{}" for plain labels'
SUMMARY = {"name", "version", "count", "created_at"}
"""What a list of label sets contains."""


def run(given: Namespace, client: Client) -> int:
    match given.action:
        case "list":
            return _list(given, client)
        case "show":
            return _show(client.label_set(given.name), given)
        case "delete":
            return _delete(given, client)
        case _:
            return _tell(_change(given, client))


def _list(given: Namespace, client: Client) -> int:
    found = client.label_sets()
    if given.format == "json":
        for each in found:
            print(each.model_dump_json(include=SUMMARY))
    elif rich_for(sys.stdout):
        from clip_api_client.cli.tables import print_label_sets  # noqa: PLC0415 - needs an extra

        print_label_sets(found)
    else:
        for each in found:
            print(*_row(each).values(), sep="\t")
    return FINE


def _show(found: LabelSet, given: Namespace) -> int:
    if given.format == "json":
        print(found.model_dump_json())
        return FINE
    for name, value in _row(found).items():
        print(f"{name}\t{value}")
    for model in found.models:
        print(f"model\t{visible(model.name)}")
    for template in found.templates:
        print(f"template\t{visible(template)}")
    for place, label in enumerate(found.labels):
        print(f"label\t{visible(label or f'#{place}')}")
    return FINE


def _delete(given: Namespace, client: Client) -> int:
    """Delete label sets; continue if one does not exist."""
    code = FINE
    for name in given.name:
        try:
            client.delete_label_set(name)
        except RequestError as error:
            code = SOME_FAILED
            complain(error.detail)
        else:
            print(f"{name}\tdeleted")
    return code


def _change(given: Namespace, client: Client) -> LabelSet:
    """Put a set, or edit one."""
    if given.action == "templates":
        if not given.template:
            raise UsageError(f"give {TEMPLATE}")
        return client.edit_label_set(given.name, templates=given.template)
    labels = labels_of_set(given)
    if given.action == "put":
        return client.put_label_set(given.name, labels, given.template)
    if given.action == "add":
        return client.edit_label_set(given.name, add=labels)
    return client.edit_label_set(given.name, remove=labels)


def _tell(stored: LabelSet) -> int:
    print(f"{stored.name}\t{stored.count} label{'' if stored.count == 1 else 's'}")
    return FINE


def _row(found: LabelSet) -> dict[str, object]:
    return {
        "name": visible(found.name),
        "labels": found.count,
        "created": found.created_at.isoformat(timespec="seconds"),
        "version": found.version,
    }
