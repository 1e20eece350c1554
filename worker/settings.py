"""The settings of a worker process."""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from common.listening import ListenHost
from common.protocol.messages import model_queue_of, queues_of
from common.settings import SharedSettings, model_name, public_name, without_prefix, words
from worker.net.exchange import USER_AGENT
from worker.net.guard import Allowed, Ports
from worker.net.trust import NamedPath, trusting


class StandardAuthorities(BaseSettings):
    """Variables that name the trusted certificate authorities for other programs too."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    requests_ca_bundle: str = ""
    curl_ca_bundle: str = ""
    ssl_cert_file: str = ""
    ssl_cert_dir: str = ""

    @property
    def groups(self) -> list[list[NamedPath]]:
        """The paths that are used together, in order of precedence."""
        folders = [
            NamedPath("SSL_CERT_DIR", Path(each))
            for each in self.ssl_cert_dir.split(os.pathsep)
            if each
        ]
        files = [NamedPath("SSL_CERT_FILE", Path(self.ssl_cert_file))] if self.ssl_cert_file else []
        return [
            [NamedPath("REQUESTS_CA_BUNDLE", Path(self.requests_ca_bundle))]
            if self.requests_ca_bundle
            else [],
            [NamedPath("CURL_CA_BUNDLE", Path(self.curl_ca_bundle))] if self.curl_ca_bundle else [],
            files + folders,
        ]


DEVICE = re.compile(r"auto|cpu|mps|cuda(:[0-9]+)?")
PROCESS_COUNT = re.compile(r"auto|1?[0-9]{1,2}")
USER_AGENT_TEXT = re.compile(r"[!-~][ -~]{0,499}")


def _device(name: str) -> str:
    if not DEVICE.fullmatch(name):
        raise ValueError("must be auto, cpu, cuda, cuda:0, cuda:1, … or mps")
    return name


def _process_count(text: str) -> str:
    if not PROCESS_COUNT.fullmatch(text):
        raise ValueError("must be auto, or a number from 0 to 199")
    return text


def _user_agent(text: str) -> str:
    if not USER_AGENT_TEXT.fullmatch(text):
        raise ValueError("must be 1 to 500 ASCII characters without control characters")
    return text


def _authorities(path: str) -> str:
    if path:
        try:
            trusting([Path(path)])
        except OSError as error:
            raise ValueError(
                f"must be a readable file (PEM) or folder of certificates ({error})"
            ) from None
    return path


def _public_name(name: str) -> str:
    return model_name(name) if name else ""


def _checked(value: str, name: str, info: ValidationInfo) -> str:
    """The value of a setting, if the `name` that it gives a model is in CLIP_MODELS."""
    names = [public_name(model) for model in info.data.get("models", ())]
    if names and name and name not in names:
        raise ValueError(f"must be one of CLIP_MODELS, which are {', '.join(names)}")
    return value


class WorkerSettings(SharedSettings):
    """The settings of the model, of fetching, and of webhooks."""

    model_name: Annotated[str, AfterValidator(_public_name)] = Field(
        default="",
        description="what clients call the model; by default its name on the hub, or the last part "
        "of its folder's path",
    )
    model: Annotated[str, Field(min_length=1), AfterValidator(without_prefix)] = Field(
        default="openai/clip-vit-base-patch16",
        description="a CLIP model: a name on the Hugging Face hub, or a folder",
    )
    revision: Annotated[str, Field(min_length=1)] = Field(
        default="main", description="branch, tag or commit of the model on the hub"
    )
    allow_pickle: bool = Field(
        default=False,
        description="load pickled weights too, if there are no safetensors: of a pickle only the"
        " part that builds tensors is run, but only safetensors cannot contain a program",
    )
    context_length: Annotated[int, Field(ge=0, le=8192)] = Field(
        default=0,
        description="maximum tokens of a text, at most the positions of the text model; 0 is what"
        " the model's files say",
    )
    exit_pause_s: Annotated[float, Field(ge=0, le=3600)] = Field(
        default=30,
        description="pause of a worker that cannot load its model before it exits, to slow down"
        " restart loops; none on a terminal",
    )
    device: Annotated[str, AfterValidator(_device)] = Field(
        default="auto", description="`auto`, `cpu`, `cuda`, `cuda:1`, …, or `mps`"
    )
    dtype: Literal["auto", "float32", "float16", "bfloat16", "int8"] = Field(
        default="auto",
        description="`auto` is float16 on a GPU and float32 elsewhere; `int8` runs on CPUs only",
    )
    min_cosine: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.99,
        description="lowest cosine to float32 of a few sample images and texts with which a worker"
        " starts, if it runs on a CPU in another precision; 0 for any",
    )
    batch_size: Annotated[int, Field(ge=0, le=4096)] = Field(
        default=0,
        description="images in a batch; 0 is 128 on a GPU, and on a CPU 1 to 32, by the size of"
        " the model",
    )
    concurrency: Annotated[int, Field(ge=0, le=512)] = Field(
        default=0,
        description="parts that run at once; 0 is twice the batch size, from 8 to 64 (CPU: 32)",
    )
    torch_threads: Annotated[int, Field(ge=0, le=512)] = Field(
        default=0,
        description="CPU threads of the model; 0 is one for a small model, otherwise torch's own"
        " number",
    )
    cpu_acceleration: Literal["auto", "off"] = Field(
        default="auto",
        description="`off` runs the model with the public functions of torch and transformers only",
    )
    gpu_acceleration: Literal["auto", "off"] = Field(
        default="auto",
        description="`off` runs the model on a GPU as transformers does: one batch after the other,"
        " without CUDA graphs",
    )
    remembered_texts: Annotated[int, Field(ge=0, le=10_000_000)] = Field(
        default=20_000, description="texts whose embeddings a worker keeps in memory; 0 for none"
    )
    max_image_pixels: Annotated[int, Field(ge=1, le=2_000_000_000)] = Field(
        default=50_000_000, description="maximum pixels of an image, width times height"
    )
    max_image_frames: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=1000, description="maximum frames of an image; only the first is used"
    )
    jpeg_draft: bool = Field(
        default=False,
        description="decode large JPEGs at 1/2, 1/4 or 1/8 of their size, but at least twice the"
        " model's resolution: several times as fast, with slightly different embeddings",
    )
    decode_processes: Annotated[str, AfterValidator(_process_count)] = Field(
        default="auto",
        description="processes beside the worker that decode images; 0 decodes in its threads."
        " `auto` is one for each core, up to 16, with a GPU, and 0 with a CPU",
    )
    exif_orientation: bool = Field(
        default=True,
        description="rotate photos according to their EXIF metadata; `false` uses the pixels as"
        " stored",
    )
    max_pixels_in_flight: Annotated[int, Field(ge=1, le=20_000_000_000)] = Field(
        default=200_000_000,
        description="maximum pixels that a worker decodes at once, half of them for asynchronous"
        " work; each takes 5 to 20 bytes",
    )
    model_timeout_s: Annotated[float, Field(ge=0.1, le=3600)] = Field(
        default=60, description="maximum time of a batch in the model; after that the worker exits"
    )
    webhook_timeout_s: Annotated[float, Field(gt=0, le=120)] = Field(
        default=15, description="maximum time of one attempt to deliver a webhook"
    )
    webhook_attempts: Annotated[int, Field(ge=1, le=100)] = Field(
        default=10, description="attempts to deliver a webhook; ten take about three hours"
    )
    webhook_backoff_s: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=5,
        description="pause before the first retry of a webhook; each further pause is four times as"
        " long, up to an hour",
    )
    fetch_timeout_s: Annotated[float, Field(gt=0, le=600)] = Field(
        default=15, description="maximum time to fetch one image; waiting for a thread excluded"
    )
    fetch_threads: Annotated[int, Field(ge=1, le=256)] = Field(
        default=64,
        description="images that a worker fetches at once for each priority; one job gets at most a"
        " quarter of them, one API key half",
    )
    fetch_ports: str = Field(
        default="80,443", description="ports that images may be fetched from, as in `80,8000-8999`"
    )
    fetch_allow: str = Field(
        default="",
        description="internal networks (CIDR) and host names that images may be fetched from",
    )
    fetch_per_host: Annotated[int, Field(ge=1, le=256)] = Field(
        default=8, description="images fetched at once from one host"
    )
    fetch_user_agent: Annotated[str, AfterValidator(_user_agent)] = Field(
        default=USER_AGENT,
        description="the `User-Agent` of fetches and webhooks; many hosts require a contact in it,"
        " such as `name/1.0 (+https://your.site/bot)`",
    )
    fetch_ca_file: Annotated[str, AfterValidator(_authorities)] = Field(
        default="",
        description="a file (PEM) or folder of certificate authorities that fetches and webhooks"
        " trust in addition to the others, which `REQUESTS_CA_BUNDLE` and `SSL_CERT_FILE` set",
    )
    fetch_use_proxies: bool = Field(
        default=False, description="fetch through the proxies of the environment (`HTTP_PROXY`, …)"
    )

    metrics_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=0, description="port of a worker's metrics for Prometheus; 0 for none"
    )
    metrics_host: ListenHost = Field(
        default="0.0.0.0",  # noqa: S104
        description="address of that port",
    )

    @property
    def name(self) -> str:
        """What clients call the model."""
        if self.model_name:
            return self.model_name
        return public_name(self.model, is_folder=not self.models and Path(self.model).is_dir())

    @property
    def model_queue(self) -> str:
        return model_queue_of(self.name, self.model_names)

    @property
    def queues(self) -> tuple[str, str]:
        """The interactive queue and the bulk queue of this worker's model."""
        return queues_of(self.model_queue)

    @model_validator(mode="before")
    @classmethod
    def _serves_one_of_the_models(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Serve the model of CLIP_MODELS that CLIP_MODEL_NAME names, or else the first."""
        models, name = given.get("models", ()), given.get("model_name")
        served = words(models) if isinstance(models, str) else models
        named = [model for model in served if public_name(without_prefix(model)) == name]
        return {"model": (named or served)[0], **given} if served else given

    @field_validator("model_name")
    @classmethod
    def _names_one_of_the_models(cls, value: str, info: ValidationInfo) -> str:
        return _checked(value, value, info)

    @field_validator("model")
    @classmethod
    def _is_one_of_the_models(cls, value: str, info: ValidationInfo) -> str:
        is_named = bool(info.data.get("model_name"))
        return value if is_named else _checked(value, public_name(value), info)

    @field_validator("dtype")
    @classmethod
    def _suits_the_device(cls, value: str, info: ValidationInfo) -> str:
        device = info.data.get("device", "auto")
        if value == "int8" and device not in {"auto", "cpu"}:
            raise ValueError(f"int8 runs on CPUs only, and CLIP_DEVICE is {device}")
        return value

    @field_validator("fetch_ports")
    @classmethod
    def are_ports(cls, value: str) -> str:
        Ports.parse(value)
        return value

    @field_validator("fetch_allow")
    @classmethod
    def are_networks_or_hosts(cls, value: str) -> str:
        Allowed.parse(value)
        return value

    @field_validator("max_pixels_in_flight")
    @classmethod
    def _holds_any_image_of_each_priority(cls, value: int, info: ValidationInfo) -> int:
        largest = info.data.get("max_image_pixels", 0)
        if value < 2 * largest:
            raise ValueError(f"must be at least twice CLIP_MAX_IMAGE_PIXELS, which is {largest}")
        return value
