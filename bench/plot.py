"""The image of a run: `python -m bench.plot RESULT.json` draws it again."""

import json
import sys
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt

COLOURS = {"float32": "#1f77b4", "bfloat16": "#ff7f0e", "int8": "#d62728"}
OTHERS = ("#888888", "#8c564b", "#2ca02c")
BARE = "bare model"
OUTCOMES = {"met": "#2ca02c", "NOT MET": "#d62728", "not measured": "#999999"}


def draw(found: dict[str, Any], path: Path) -> None:
    """Throughput over connections for each model, and all bars beneath."""
    curves = [r for r in found["results"] if r["title"].startswith("throughput")]
    bars = [bar for result in found["results"] for bar in result["bars"]]
    columns = max(1, len(curves))
    figure = plt.figure(
        figsize=(max(10, 5 * columns), (4.2 if curves else 0.6) + 0.34 * (len(bars) + 2)),
        layout="constrained",
    )
    heights = [4.2 if curves else 0.01, 0.34 * (len(bars) + 1)]
    grid = figure.add_gridspec(2, columns, height_ratios=heights)
    for column, result in enumerate(curves):
        axes = figure.add_subplot(grid[0, column])
        _throughput(axes, result)
        if column == columns - 1:  # outside: int8 is where a legend would be
            axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=8)
    _bars(figure.add_subplot(grid[1, :]), bars)
    machine = found["machine"]
    figure.suptitle(
        f"{machine['cores']} cores of {machine['processor']} · commit {found['commit']} · "
        f"{found['taken_at']} · medians of {found['options']['rounds']} rounds",
        fontsize=10,
    )
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _throughput(axes: Any, result: dict[str, Any]) -> None:  # noqa: ANN401
    """A line for each contender; bare models have no connections, and lines from edge to edge."""
    names = list(dict.fromkeys(series["contender"] for series in result["series"]))
    others = iter(OTHERS)
    for name in names:
        kind, _, dtype = name.partition(", ")
        points = [series for series in result["series"] if series["contender"] == name]
        colour = COLOURS.get(dtype) or next(others)
        if kind == BARE:
            rate = points[0]["per_second"]
            axes.axhline(rate, color=colour, linestyle=":", label=name)
            continue
        counts = [str(point["connections"]) for point in points]
        rates = [point["per_second"] for point in points]
        style = "-" if dtype else "--"
        axes.plot(counts, rates, marker="o", color=colour, linestyle=style, label=name)
    axes.set_title(result["title"])
    axes.set_xlabel("connections")
    axes.set_ylabel("images per second")
    axes.set_ylim(bottom=0)
    axes.grid(visible=True, alpha=0.3)


def _bars(axes: Any, bars: list[dict[str, Any]]) -> None:  # noqa: ANN401
    axes.axis("off")
    if not bars:
        return
    cells = [[bar["what"], bar["bar"], bar["shown"], bar["outcome"]] for bar in bars]
    drawn = axes.table(
        cells,
        colLabels=["", "bar", "measured", ""],
        colWidths=[0.6, 0.12, 0.14, 0.14],
        cellLoc="left",
        loc="center",
        bbox=[0, 0, 1, 1],
    )
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(9)
    for row, bar in enumerate(bars, start=1):
        drawn[row, 3].get_text().set_color(OUTCOMES[bar["outcome"]])
    for cell in drawn.get_celld().values():
        cell.set_linewidth(0.3)


if __name__ == "__main__":
    source = Path(sys.argv[1])
    draw(json.loads(source.read_text()), source.with_suffix(".png"))
