"""A stand-in for the service's label sets and /rank, for operations that run in process.

The real service cannot be made to change a set between two requests of one call.
"""

import json
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

from clip_api_client.steps import Blocking, Request, Response, Result, Sleep, Step, Steps

Put = dict[str, object]


class LabelSetService:
    """Has one set, `clothes`; `interrupts` are called after the next requests, one each."""

    def __init__(self, *labels: str, templates: tuple[str, ...] = ()) -> None:
        self.body: Put = {}
        self.version = 0
        self.puts: list[Put] = []
        self.gets = 0
        self.interrupts: deque[Callable[[], None]] = deque()
        self.put({"candidates": [{"text": label} for label in labels], "templates": [*templates]})

    @property
    def labels(self) -> list[str]:
        return [each["text"] for each in self.body["candidates"]]  # type: ignore[attr-defined]

    def put(self, body: Put) -> None:
        self.version += body != self.body
        self.body = body

    def add(self, label: str) -> None:
        self.put({**self.body, "candidates": [{"text": each} for each in [*self.labels, label]]})

    def run(self, steps: Steps[Result]) -> Result:
        """Run an operation of the client to its end."""
        try:
            step = next(steps)
            while True:
                step = steps.send(self._do(step))
        except StopIteration as end:
            result: Result = end.value
            return result

    def _do(self, step: Step) -> object:
        match step:
            case Blocking(call):
                return call()
            case Sleep():
                raise AssertionError("nothing is retried here")
            case Request():
                response = self._answer(step)
                if self.interrupts:
                    self.interrupts.popleft()()
                return response

    def _answer(self, request: Request) -> Response:
        headers = {"x-label-set": f"clothes@{self.version}"}
        if request.path == "/rank":
            row = [1 / (place + 2) for place in range(len(self.labels))]
            told = {"probabilities": [row], "cosine_similarities": [row]}
            return Response(200, headers, json.dumps(told).encode())
        if request.method == "PUT":
            body = json.loads(request.body or b"")
            self.puts.append(body)
            self.put({"templates": [], **body})
        else:
            self.gets += 1
        return Response(200, headers, json.dumps(self._document()).encode())

    def _document(self) -> dict[str, object]:
        return {
            "name": "clothes",
            "version": str(self.version),
            "count": len(self.labels),
            "created_at": datetime.now(UTC).isoformat(),
            "labels": self.labels,
            "alpha": "drop",
            "models": [],
            **self.body,
        }
