"""The command `clip-api evaluate`."""

from argparse import Namespace
from dataclasses import dataclass, field

from clip_api_client.candidates import RankOptions
from clip_api_client.cli.evaluation import Evaluation
from clip_api_client.cli.evaluation_output import show
from clip_api_client.cli.exits import UsageError
from clip_api_client.cli.labelled import Labelled, labelled_images
from clip_api_client.cli.progress import bar
from clip_api_client.cli.summary import NAMED, Summary
from clip_api_client.cli.terminal import complain
from clip_api_client.client import Client
from clip_api_client.errors import ItemError, NoWorker, Unavailable


def run(given: Namespace, client: Client) -> int:
    labelled = labelled_images(given.folder)
    models = _models(given, client)
    if not given.quiet:
        _tell_unused(labelled, given.folder)
    images = len(labelled.images)
    summary = Summary("evaluated", "label", images, given)
    evaluator = _Evaluator(given, client, labelled, summary)
    ended: list[Evaluation] = []
    with summary:
        try:
            for model, precision in models.items():
                evaluation = Evaluation(model, precision, labelled.labels)
                evaluator.rank(evaluation)
                ended.append(evaluation)
        finally:
            # The results of the first models are not lost if the service fails later.
            show(ended, given)
        for _ in range(images - len(evaluator.failed)):
            summary.succeeded()
    return summary.code


@dataclass
class _Evaluator:
    """Ranks the same images with one model after another, and reports each that fails once."""

    given: Namespace
    client: Client
    labelled: Labelled
    summary: Summary
    failed: set[int] = field(default_factory=set)

    def rank(self, evaluation: Evaluation) -> None:
        images, labels = self.labelled.images, self.labelled.label_of_image
        with bar(len(images), quiet=self.given.quiet) as progress:
            rows = self.client.rank_each(
                [each.source for each in images],
                self.labelled.labels,
                **_options(self.given, evaluation.model),
                progress=self.summary.following(progress),
            )
            for row in rows:
                with progress.aside(row.index):
                    if row.error:
                        evaluation.add_failed(labels[row.index])
                        self._report(row.index, row.error)
                    else:
                        cosines = row.cosine_similarities or ()
                        evaluation.add(labels[row.index], cosines, images[row.index].name)

    def _report(self, image: int, error: ItemError) -> None:
        if image not in self.failed:
            self.failed.add(image)
            self.summary.failed(self.labelled.images[image].name, error)


def _models(given: Namespace, client: Client) -> dict[str, str]:
    """The precision of each model to evaluate: of the given ones, or of all that have a worker.

    Raises:
        UsageError: the service has no such model.
        Unavailable: it has no worker, or another model may answer instead of one of them.
    """
    precisions: dict[str, set[str]] = {model.name: set() for model in client.models()}
    for worker in client.workers():
        precisions.setdefault(worker.model, set()).add(worker.dtype)
    names = given.model or [name for name, found in precisions.items() if found]
    if not names:
        raise NoWorker
    for name in names:
        if name not in precisions:
            served = ", ".join(precisions)
            raise UsageError(f"the service has no model {name!r}; it has {served or 'none'}")
    conflicting = client.ready().conflicting_models
    if not set(names).isdisjoint(conflicting):
        models = " and ".join(conflicting)
        raise Unavailable(
            f"{models} answer for each other: CLIP_MODELS of the service must name them"
        )
    return {name: ", ".join(sorted(precisions[name])) for name in names}


def _options(given: Namespace, model: str) -> RankOptions:
    options = RankOptions(allow_partial=True, model=model)
    if given.template:
        options["templates"] = given.template
    if given.alpha:
        options["alpha"] = given.alpha
    return options


def _tell_unused(labelled: Labelled, folder: str) -> None:
    """Say what the folder has besides labels and their images."""
    if count := labelled.unlabelled:
        images = "1 image" if count == 1 else f"{count:,} images"
        complain(f"{folder}: left out {images} outside its folders")
    if unused := labelled.unused_labels:
        more = f" and {len(unused) - NAMED:,} more" if len(unused) > NAMED else ""
        names = ", ".join(unused[:NAMED]) + more
        complain(f"labels without images: {names}")
