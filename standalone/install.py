"""`python -m standalone.install WHAT ARGUMENT…`: `pip install ARGUMENT…` with one line of progress.

Standard library only: it installs everything else.
"""

import re
import subprocess
import sys

from standalone.progress import LineReader, Progress

POLL_S = 0.1
LARGE = re.compile(r"\s*(?:Downloading|Using cached) ([^-\s]+-[^-\s]+)\S* \((\d{2,}\.\d+ [MG]B)\)")
"""A file of at least 10 MB in the output of pip."""


def stage_of(line: str) -> str | None:
    """What pip is doing for a while, if this line of its output says so."""
    if large := LARGE.match(line):
        return f"downloading {large[1]} ({large[2]})"
    return "unpacking" if line.startswith("Installing collected packages") else None


def install(what: str, arguments: list[str]) -> int:
    """Run pip. Returns its exit code; its output is shown only if it fails."""
    options = ["--disable-pip-version-check", "--no-input", "--progress-bar=off"]
    # Python compiles what it imports; compiling everything takes pip longer than unpacking it.
    options.append("--no-compile")
    progress = Progress(f"Installing {what}")
    with subprocess.Popen(
        [sys.executable, "-m", "pip", "install", *options, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout  # noqa: S101 - a pipe
        reader = LineReader(process.stdout)
        output: list[str] = []
        stage = "looking up versions"
        while process.poll() is None:
            for line in reader.new():
                output.append(line)
                stage = stage_of(line) or stage
            progress.tick(stage)
            _wait(process)
        reader.finish(POLL_S)
        output += reader.new()
    if process.returncode:
        progress.clear()
        print("\n".join(output), file=sys.stderr)
    else:
        progress.done("done")
    return process.returncode


def _wait(process: subprocess.Popen[str]) -> None:
    try:
        process.wait(POLL_S)
    except subprocess.TimeoutExpired:
        return


def main() -> int:
    try:
        return install(sys.argv[1], sys.argv[2:])
    except KeyboardInterrupt:
        print("\nStopped; run it again to continue.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
