"""The settings of the one-command service, and the environment of the processes it starts."""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from common.api_keys import ApiKeys, ApiKeysFile
from common.listening import ListenHost
from common.setting_names import PREFIX, unknown_names
from common.settings import SharedSettings

ROOT = Path(__file__).resolve().parent.parent
DEMO_MODEL = ROOT / "demo" / "model"
DEMO_IMAGE = ROOT / "demo" / "pictures" / "t-shirt.png"


class StandaloneSettings(SharedSettings):
    """The settings that `make run` itself uses; all others are for the processes it starts."""

    host: ListenHost = Field(default="127.0.0.1", description="address the API listens on")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(
        default=3000, description="port the API listens on"
    )
    model: Annotated[str, Field(min_length=1)] = Field(
        default=str(DEMO_MODEL), description="a CLIP model; by default the bundled demo"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="warning", description="lowest level of log lines that are written"
    )
    data: str = Field(
        default="",
        description="a folder in which the embedded Valkey keeps jobs, results and label sets; "
        "only this user can read it; none: they are gone when the service stops",
    )
    api_keys: ApiKeys = Field(default=(), description="accepted API keys")
    api_keys_file: ApiKeysFile = Field(default=(), description="a file with more keys")

    @property
    def served(self) -> tuple[str, ...]:
        """The models to start a worker for, the default first."""
        return self.models or (self.model,)

    @property
    def data_folder(self) -> Path | None:
        """The folder of the data, if any. Raises RuntimeError if `~user` is not a user."""
        return Path(self.data).expanduser().resolve() if self.data else None

    @property
    def has_own_redis(self) -> bool:
        """Whether a Redis is named, so that no Valkey is started."""
        return "redis_url" in self.model_fields_set

    @property
    def own_key(self) -> SecretStr | None:
        """The key of our own requests; None if no keys are configured."""
        return next(iter(self.api_keys + self.api_keys_file), None)


def api_environment(settings: StandaloneSettings, redis_url: str, folder: Path) -> dict[str, str]:
    return _child_environment(settings, redis_url, folder)


def worker_environment(
    settings: StandaloneSettings, redis_url: str, folder: Path, model: str
) -> dict[str, str]:
    """The environment of the worker of a model. Its log tells how far the model is."""
    level = "debug" if settings.log_level == "debug" else "info"
    own = {f"{PREFIX}MODEL": model, f"{PREFIX}LOG_LEVEL": level}
    if len(settings.served) > 1:
        own[f"{PREFIX}MODEL_NAME"] = ""  # each has a name of its own
    return {**_child_environment(settings, redis_url, folder), **own}


def _child_environment(
    settings: StandaloneSettings, redis_url: str, folder: Path
) -> dict[str, str]:
    """The environment of a process.

    Torch's cache goes into `folder`, which is removed at the end.
    """
    known = {
        "REDIS_URL": redis_url,
        "HOST": settings.host,
        "PORT": str(settings.port),
        "LOG_LEVEL": settings.log_level,
        "LOG_FORMAT": "json",  # standalone/child.py renders it
        "EXIT_PAUSE_S": "0",  # no process is restarted
    }
    defaults = {"TORCHINDUCTOR_CACHE_DIR": str(folder / "torch")}
    if settings.served == (str(DEMO_MODEL),):
        defaults[f"{PREFIX}MODEL_NAME"] = "demo"
    # This process has warned about them.
    unknown = unknown_names(os.environ, type(settings).model_fields)
    inherited = {name: value for name, value in os.environ.items() if name not in unknown}
    return {**defaults, **inherited, **{PREFIX + name: value for name, value in known.items()}}
