"""The command `clip-api models`."""

import sys
from argparse import Namespace

from clip_api_client.answers import Model
from clip_api_client.cli.exits import FINE
from clip_api_client.cli.terminal import rich_for, visible
from clip_api_client.client import Client


def run(given: Namespace, client: Client) -> int:
    found = client.models()
    if given.format == "json":
        for model in found:
            print(model.model_dump_json())
    elif rich_for(sys.stdout):
        from clip_api_client.cli.tables import print_models  # noqa: PLC0415 - needs an extra

        print_models(found)
    else:
        for model in found:
            print(*map(visible, row(model).values()), sep="\t")
    return FINE


def row(model: Model) -> dict[str, str]:
    """The columns of a model by title; most are empty if no worker serves it."""
    size = model.resolution
    return {
        "Model": model.name,
        "Default": "yes" if model.is_default else "",
        "Family": model.family or "",
        "Format": model.format or "",
        "Revision": model.revision or "",
        "Precision": _precision(model),
        "Context": str(model.context_length or ""),
        "Image": f"{size.width}x{size.height}" if size else "",
        "Activation": model.activation or "",
        "Dimension": str(model.dimension or ""),
        "Workers": str(model.workers),
    }


def _precision(model: Model) -> str:
    if model.not_finite_in:
        return f"{model.precision} (not finite in {model.not_finite_in})"
    return model.precision or ""
