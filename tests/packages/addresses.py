"""Where the services of these tests are, handed from one environment to the other."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass

KEY = "a-key-of-the-packages-0123456789"
VARIABLE = "TESTED_{name}_URL"


@dataclass(frozen=True)
class Services:
    """The URLs of one service, whose APIs differ in what they refuse."""

    plain: str
    limited: str
    """Serves two requests in two seconds."""
    full: str
    """Takes one new item at a time: two are too many."""

    def variables(self) -> dict[str, str]:
        return {VARIABLE.format(name=name.upper()): url for name, url in asdict(self).items()}

    @classmethod
    def told(cls, environment: Mapping[str, str] = os.environ) -> "Services | None":
        """Those of the environment; None if these are not the tests of `make test-clients`."""
        names = cls.__dataclass_fields__
        urls = [environment.get(VARIABLE.format(name=name.upper())) for name in names]
        return cls(*(url for url in urls if url)) if all(urls) else None
