"""`python -m tests.docs.update`: show on all pages what their commands really print."""

import sys
import tempfile
from pathlib import Path

from tests.docs.blocks import PAGES, blocks
from tests.docs.elsewhere import is_run_elsewhere
from tests.docs.outputs import renewed
from tests.docs.reader import Reader, serving
from tests.processes import ROOT


def updated(page: Path, reader: Reader) -> str:
    """The text of a page with the outputs of its blocks, which are run in order."""
    text = page.read_text()
    outputs = [
        (block.output, reader.run(block, "bash"))
        for block in blocks(text)
        if not is_run_elsewhere(block, page)
    ]
    for output, printed in reversed(outputs):
        if output:
            text = text[: output.start] + renewed(output, printed) + text[output.end :]
    return text


def main() -> None:
    chosen = [Path(name).resolve() for name in sys.argv[1:]] or PAGES
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as service:
        for page in chosen:
            reader = Reader(Path(tempfile.mkdtemp(dir=folder)), service)
            reader.prepare()
            text = page.read_text()
            new = updated(page, reader)
            page.write_text(new)
            print(f"{page.relative_to(ROOT)}: {'the same' if new == text else 'updated'}")


if __name__ == "__main__":
    main()
