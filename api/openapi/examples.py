"""Examples in the OpenAPI document: requests that were made, and their answers."""

from pathlib import Path
from typing import Any

import orjson

PATH = Path(__file__).with_suffix(".json")


def illustrate(paths: dict[str, Any]) -> None:
    """Add the examples to their operations, each in place of a made one with the same code.

    Each has its `operation`'s id, a `name` and a `summary`, the values of `parameters` by name,
    the `request` body if there is one, the `status` and the `answer`.
    """
    operations = {
        operation["operationId"]: operation
        for path in paths.values()
        for operation in path.values()
    }
    for example in orjson.loads(PATH.read_bytes()):
        _illustrate(operations[example["operation"]], example)


def _illustrate(operation: dict[str, Any], example: dict[str, Any]) -> None:
    about = {"summary": example["summary"]}
    for parameter in operation.get("parameters", ()):
        # A value for what may be left out would be sent with every request that is tried out.
        if parameter["required"] and parameter["name"] in example["parameters"]:
            value = example["parameters"][parameter["name"]]
            parameter.setdefault("examples", {})[example["name"]] = {**about, "value": value}
    if example["request"] is not None:
        _put(operation["requestBody"]["content"]["application/json"], example, "request")
    if example["answer"] is not None:
        (content,) = operation["responses"][str(example["status"])]["content"].values()
        _put(content, example, "answer")


def _put(content: dict[str, Any], example: dict[str, Any], side: str) -> None:
    shown = {"summary": example["summary"], "value": example[side]}
    code = example[side].get("code") if isinstance(example[side], dict) else None
    others = {name: each for name, each in content.get("examples", {}).items() if name != code}
    content["examples"] = others | {example["name"]: shown}
