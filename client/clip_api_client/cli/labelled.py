"""Labelled images: a folder that has a folder for each label."""

from dataclasses import dataclass
from pathlib import Path

from clip_api_client.cli.exits import UsageError
from clip_api_client.cli.inputs import Input, images_in, is_image
from clip_api_client.cli.parsing import is_utf8

FEWEST_LABELS = 2
HIDDEN = "."


@dataclass(frozen=True, slots=True)
class Labelled:
    """Images, and for each the index of its label; a label may have none.

    `unlabelled` is the number of images beside the folders of the labels.
    """

    labels: list[str]
    images: list[Input]
    label_of_image: list[int]
    unlabelled: int

    @property
    def unused_labels(self) -> list[str]:
        used = set(self.label_of_image)
        return [label for place, label in enumerate(self.labels) if place not in used]


def labelled_images(name: str) -> Labelled:
    """The images in the folders of a folder.

    Raises:
        UsageError: it is no such folder, or ranking its labels would say nothing.
    """
    files, folders = _content(name)
    places: dict[str, int] = {}
    images: list[Input] = []
    label_of_image: list[int] = []
    for folder in folders:
        label = label_of(folder.name)
        place = places.setdefault(label, len(places))
        found = [Input(str(path), path) for path in images_in(folder)]
        images += found
        label_of_image += [place] * len(found)
    unlabelled = sum(map(is_image, files))
    labels = list(places)
    if not images:
        raise UsageError(f"{name} needs a folder of images for each label, such as {name}/cat")
    if len(labels) < FEWEST_LABELS:
        raise UsageError(f"{name} has only one label, {labels[0]!r}: any answer would be right")
    if not is_utf8(labels):
        raise UsageError(f"the name of a folder in {name} is not UTF-8")
    return Labelled(labels, images, label_of_image, unlabelled)


def label_of(name: str) -> str:
    """The label that a folder is named for."""
    return " ".join(name.replace("_", " ").split()) or name


def _content(name: str) -> tuple[list[Path], list[Path]]:
    """The files and the folders in a folder, by name."""
    try:
        found = sorted(Path(name).iterdir())
    except OSError as error:
        raise UsageError(f"{name} could not be read: {error.strerror}") from error
    shown = [path for path in found if not path.name.startswith(HIDDEN)]
    folders = [path for path in shown if path.is_dir()]
    return [path for path in shown if not path.is_dir()], folders
