"""The command `clip-api rank`."""

from argparse import Namespace
from collections.abc import Sequence

from clip_api_client.candidates import RankOptions, named
from clip_api_client.cli.exits import FINE, UsageError
from clip_api_client.cli.inputs import Input, images, labels_or_set
from clip_api_client.cli.progress import bar
from clip_api_client.cli.rankings import top_of, writer
from clip_api_client.cli.summary import Summary
from clip_api_client.cli.terminal import complain
from clip_api_client.client import Client
from clip_api_client.errors import UnreadableImage

NOT_SUBMITTED = "nothing was submitted: a job numbers its images, so none is left out"


def run(given: Namespace, client: Client) -> int:
    wanted, inputs, options = labels_or_set(given), images(given), _options(given)
    if not inputs:
        raise UsageError("give images: files, folders, URLs, - or --files-from")
    if given.submit:
        return _submit(given, client, inputs, wanted, options)
    labels: Sequence[str] = wanted or ()
    if given.label_set:
        options["label_set"] = found = client.label_set(given.label_set)
        labels = named(found.labels)
    top = given.top if given.top is not None else top_of(given.format, len(inputs))
    output = writer(given.format, [each.name for each in inputs], labels)
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


def _submit(
    given: Namespace,
    client: Client,
    inputs: Sequence[Input],
    wanted: list[str] | None,
    options: RankOptions,
) -> int:
    """Print the ID of the job. Without one of its images the others would get other numbers."""
    ignored = "--top" if given.top is not None else given.format and f"--{given.format}"
    if ignored:
        raise UsageError(f"--submit prints only the ID of the job: leave out {ignored}")
    try:
        job = client.submit([each.source for each in inputs], wanted, **options)
    except UnreadableImage as error:
        complain(str(error))
        raise UsageError(NOT_SUBMITTED) from error
    print(job.id)
    return FINE


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
        options["metadata"] = _metadata(given)
    return options


def _metadata(given: Namespace) -> dict[str, str]:
    metadata: dict[str, str] = {}
    for key, value in given.metadata:
        if key in metadata:
            raise UsageError(f"--metadata has {key!r} twice")
        metadata[key] = value
    return metadata
