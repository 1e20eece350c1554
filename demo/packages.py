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

    `layout` is "iconify" for one `icons.json` that holds every SVG under a name, "files" for
    one file an image, named by its code points, in `folder`, or "font" for a font file at `folder`.
    """

    name: str
    package: Package
    layout: str
    folder: str = ""
    weight: float = 1.0
    """How often its images are drawn in training, against those of a style of weight 1."""
    icons: bool = False
    """Whether it is a set of icons, which draws things under names that it chose itself."""


EMOJIBASE = Package("emojibase-data", "17.0.0")
_OPENMOJI = Package("openmoji", "17.0.0")


def _emoji(name: str, version: str, weight: float = 1.0) -> Style:
    return Style(name, Package(f"@iconify-json/{name}", version), "iconify", weight=weight)


def _icons(name: str, version: str, weight: float = 0.25) -> Style:
    package = Package(f"@iconify-json/{name}", version)
    return Style(name, package, "iconify", weight=weight, icons=True)


EMOJI_STYLES = (
    _emoji("noto", "1.2.9"),
    _emoji("noto-v1", "1.2.5"),
    _emoji("emojione", "1.2.3"),
    _emoji("emojione-v1", "1.2.3"),
    _emoji("emojione-monotone", "1.2.1", 0.4),
    _emoji("fluent-emoji", "1.2.7"),
    _emoji("fluent-emoji-flat", "1.2.6"),
    _emoji("fluent-emoji-high-contrast", "1.2.6", 0.4),
    Style("fluent-emoji-3d", Package("@lobehub/fluent-emoji-3d", "1.1.0"), "files", "assets"),
    _emoji("fxemoji", "1.2.2"),
    _emoji("streamline-emojis", "1.2.4"),
    Style("openmoji-colour", _OPENMOJI, "files", "color/svg"),
    Style("openmoji-black", _OPENMOJI, "files", "black/svg", weight=0.4),
)

ICON_STYLES = (
    _icons("game-icons", "1.2.4"),
    _icons("hugeicons", "1.2.35"),
    _icons("icon-park", "1.2.4", 0.4),
    _icons("iconoir", "1.2.11"),
    _icons("lucide", "1.2.137"),
    _icons("lucide-lab", "1.2.3"),
    _icons("material-symbols", "1.2.98"),
    _icons("mdi", "1.2.3"),
    _icons("mingcute", "1.2.8"),
    _icons("ph", "1.2.2"),
    _icons("solar", "1.2.13"),
    _icons("streamline-plump", "1.2.0"),
    _icons("tabler", "1.2.41"),
)

TRAINING_STYLES = EMOJI_STYLES + ICON_STYLES

# Never trained on: what the accuracy is measured on, and what the sample images are drawn from.
HELD_OUT_STYLE = _emoji("twemoji", "1.2.5")

# Not trained on either: black line art, for a second measurement.
SECOND_STYLE = Style(
    "noto-monochrome",
    Package("@expo-google-fonts/noto-emoji", "0.4.7"),
    "font",
    "400Regular/NotoEmoji_400Regular.ttf",
)

STYLES = {style.name: style for style in (HELD_OUT_STYLE, SECOND_STYLE, *EMOJI_STYLES)}


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
