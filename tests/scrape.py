"""What a scrape tells, for tests."""

from dataclasses import dataclass

import requests
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True)
class Scrape:
    """The samples of one scrape, and the families that they belong to."""

    families: dict[str, Metric]

    @classmethod
    def parse(cls, text: str) -> "Scrape":
        return cls({each.name: each for each in text_string_to_metric_families(text)})

    @classmethod
    def of(cls, url: str) -> "Scrape":
        answer = requests.get(f"{url}/metrics", timeout=20)
        answer.raise_for_status()
        return cls.parse(answer.text)

    @property
    def names(self) -> set[str]:
        """Those of the samples, as queries have them."""
        return {sample.name for each in self.families.values() for sample in each.samples}

    def total(self, name: str, **labels: str) -> float:
        """The sum of all samples of this name with these labels."""
        return sum(
            sample.value
            for each in self.families.values()
            for sample in each.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )
