"""Folders of sentence-transformers, in which the model is one of several modules."""

import json
from pathlib import Path, PurePosixPath
from typing import Any

from worker.model.load_errors import ModelLoadError

MODULES = "modules.json"
MODELS = {"CLIPModel", "Transformer"}
WITHOUT_EFFECT = {"Normalize"}
"""Modules after the model that change no cosine."""


def find_model(folder: Path) -> str:
    """The name of the folder within this one that has the model; empty if it is this one.

    Raises:
        ModelLoadError: it is a model of sentence-transformers that is not served.
    """
    if not (folder / MODULES).is_file():
        return ""
    modules = _modules(folder)
    kinds = [str(module.get("type")).rpartition(".")[2] for module in modules]
    if set(kinds[1:]) - WITHOUT_EFFECT or not MODELS.intersection(kinds[:1]):
        raise _refusal(kinds)
    if modules[0].get("path") == "" and (folder / "config.json").is_file():
        return ""
    path = PurePosixPath(str(modules[0].get("path")))
    if len(path.parts) != 1 or path.name in {"", ".."}:
        raise ModelLoadError(f"its {MODULES} names no folder with a model")
    return path.name


def _modules(folder: Path) -> list[dict[str, Any]]:
    try:
        modules = json.loads((folder / MODULES).read_bytes())
    except ValueError as error:
        raise ModelLoadError(f"its {MODULES} is not valid JSON ({error})") from error
    listed = modules if isinstance(modules, list) else []
    if not listed or not all(isinstance(module, dict) for module in listed):
        raise ModelLoadError(f"its {MODULES} lists no modules")
    return listed


def _refusal(kinds: list[str]) -> ModelLoadError:
    if "CLIPModel" in kinds:
        others = ", ".join(kind for kind in kinds if kind != "CLIPModel")
        return ModelLoadError(
            f"it is a model of sentence-transformers with modules beside CLIPModel ({others}),"
            " which are not served"
        )
    return ModelLoadError(
        f"it is a model of sentence-transformers for texts only ({', '.join(kinds)}): it cannot"
        " encode images. A multilingual model for both is, for example,"
        " facebook/metaclip-2-worldwide-huge-quickgelu or google/siglip2-base-patch16-224"
    )
