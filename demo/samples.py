"""The sample images in demo/pictures, and the queries that they are searched with."""

from dataclasses import dataclass
from pathlib import Path

PICTURES = Path(__file__).parent / "pictures"


@dataclass(frozen=True)
class Sample:
    """One sample: the label of its emoji, its file, what it is set on, and its kind."""

    name: str
    file: str
    ground: str = "white"
    kind: str = ""

    @property
    def path(self) -> Path:
        """Where the image is."""
        return PICTURES / self.file


# The first eleven are also the examples of the documentation; one is a JPEG, so that both formats
# are tried.
SAMPLES = (
    Sample("t-shirt", "t-shirt.png"),
    Sample("jeans", "jeans.png"),
    Sample("dress", "dress.png", "#f4efe6"),
    Sample("running shoe", "running-shoe.jpg"),
    Sample("sunglasses", "sunglasses.png"),
    Sample("cat", "cat.png", "#e8f1f8", "animal"),
    Sample("elephant", "elephant.png", "#e8f1f8", "animal"),
    Sample("pizza", "pizza.png", kind="food"),
    Sample("guitar", "guitar.png", "#f4efe6", "music"),
    Sample("bicycle", "bicycle.png", kind="vehicle"),
    Sample("umbrella", "umbrella.png", "#eeeeee"),
    Sample("penguin", "penguin.png", "#e8f1f8", "animal"),
    Sample("owl", "owl.png", kind="animal"),
    Sample("butterfly", "butterfly.png", kind="animal"),
    Sample("horse", "horse.png", "#f4efe6", "animal"),
    Sample("banana", "banana.png", kind="food"),
    Sample("hamburger", "hamburger.png", "#eeeeee", "food"),
    Sample("strawberry", "strawberry.png", kind="food"),
    Sample("carrot", "carrot.png", "#f4efe6", "food"),
    Sample("airplane", "airplane.png", "#e8f1f8", "vehicle"),
    Sample("sailboat", "sailboat.png", kind="vehicle"),
    Sample("bus", "bus.png", "#eeeeee", "vehicle"),
    Sample("locomotive", "locomotive.png", kind="vehicle"),
    Sample("violin", "violin.png", kind="music"),
    Sample("trumpet", "trumpet.png", "#eeeeee", "music"),
    Sample("drum", "drum.png", kind="music"),
    Sample("saxophone", "saxophone.png", "#f4efe6", "music"),
)
FIRST_ELEVEN = SAMPLES[:11]

# What is searched for among the samples, and the kind of those that should come first.
QUERIES = {
    "something to eat": "food",
    "an animal": "animal",
    "a vehicle": "vehicle",
    "music": "music",
}
