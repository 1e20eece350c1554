"""The command `clip-api rank`."""

from argparse import Namespace

from clip_api_client.candidates import RankOptions
from clip_api_client.cli.exits import FINE, UsageError
from clip_api_client.cli.inputs import images, labels_or_set
from clip_api_client.cli.progress import bar
from clip_api_client.cli.rankings import top_of, writer
from clip_api_client.cli.summary import Summary
from clip_api_client.client import Client


def run(given: Namespace, client: Client) -> int:
    wanted, inputs = labels_or_set(given), images(given)
    if not inputs:
        raise UsageError("give images: files, folders, URLs, - or --files-from")
    options = _options(given)
    if given.label_set:
        options["labels"] = client.label_set(given.label_set).labels
    if given.submit:
        print(client.submit([each.source for each in inputs], wanted, **options).id)
        return FINE
    top = given.top if given.top is not None else top_of(given.format, len(inputs))
    output = writer(given.format, [each.name for each in inputs], wanted or ())
    summary = Summary("ranked", "label", len(inputs), given)
    with summary, bar(len(inputs), quiet=given.quiet) as progress:
        rows = client.rank_each(
            [each.source for each in inputs],
            wanted,
            **options,
            progress=summary.following(progress),
        )
        for row in rows:
            name = inputs[row.index].name
            with progress.aside(row.index):
                if row.error:
                    summary.failed(name, row.error)
                    output.write_failed(name, row.error)
                else:
                    summary.succeeded()
                    output.write(name, row.candidates[: top or None])
    return summary.code


def _options(given: Namespace) -> RankOptions:
    options = RankOptions(allow_partial=True)
    if given.label_set:
        options["label_set"] = given.label_set
    if given.template:
        options["templates"] = given.template
    if given.model:
        options["model"] = given.model
    if given.alpha:
        options["alpha"] = given.alpha
    if given.temperature:
        options["temperature"] = given.temperature
    if given.activation:
        options["activation"] = given.activation
    if given.metadata:
        options["metadata"] = dict(given.metadata)
    return options
