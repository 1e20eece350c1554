"""Reads open_clip_config.json, and refuses models that are not served."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from worker.model.load_errors import ModelLoadError
from worker.model.open_clip.schema import (
    ModelConfig,
    OpenClipConfig,
    PreprocessConfig,
    TextConfig,
    TransformerConfig,
    VisionConfig,
)
from worker.model.open_clip.texts import CLEANINGS
from worker.model.open_clip.timm_towers import GELU, GELU_TANH, TimmTower, find_tower

CONFIG = "open_clip_config.json"
SERVED = (
    "of open_clip's models are served: a vision transformer with the text transformer of CLIP or "
    "of MetaCLIP 2, SigLIP, and SigLIP 2 of a fixed resolution"
)
CUSTOM_BLOCKS = {
    "ls_init_value": "layer scale",
    "qk_norm": "normalised queries and keys",
    "scaled_cosine_attn": "scaled cosine attention",
    "scale_heads": "scaled heads",
    "scale_attn_inner": "a norm within the attention",
    "scale_attn": "a norm after the attention",
    "scale_fc": "a norm within the MLP",
}
OF_VISION = {
    **CUSTOM_BLOCKS,
    "attentional_pool": "attentional pooling",
    "no_ln_pre": "a vision transformer without its first norm",
}
OF_TEXT = {
    **CUSTOM_BLOCKS,
    "hf_model_name": "a text model of transformers",
    "embed_cls": "a class token in its texts",
    "tokenizer_mode": "a tokenizer mode",
    "tokenizer_type": "another type of tokenizer",
}
"""What is refused unless it has the default."""
OTHER_MODELS = {
    "multimodal_cfg": "a CoCa model",
    "audio_cfg": "a CLAP model",
    "genlip_cfg": "a GenLIP model",
    "genlap_cfg": "a GenLAP model",
}
DEFAULT_EPS = 1e-5
TIMM_EPS = 1e-6
SHOWN_ERRORS = 3


@dataclass(frozen=True, slots=True)
class Tower:
    """What the weights of a tower do not say."""

    activation: str
    eps: float


@dataclass(frozen=True, slots=True)
class Description:
    """A model in the format of open_clip that is served."""

    kind: Literal["clip", "metaclip_2", "siglip"]
    model: ModelConfig
    images: PreprocessConfig
    image_size: int
    vision: Tower
    text: Tower
    timm: TimmTower | None
    clean: str

    @property
    def tokenizer(self) -> str:
        """The name of its tokenizer on the hub; empty for that of CLIP."""
        return self.model.text_cfg.hf_tokenizer_name or ""

    @property
    def head_width(self) -> int:
        """Of the vision tower."""
        return self.timm.head_width if self.timm else self.model.vision_cfg.head_width


def read_description(folder: Path) -> Description:
    """Raises ModelLoadError: the file is broken, or describes a model that is not served."""
    try:
        content = json.loads((folder / CONFIG).read_bytes())
    except ValueError as error:
        raise ModelLoadError(f"its {CONFIG} is not valid JSON ({error})") from error
    model = content.get("model_cfg") if isinstance(content, dict) else None
    if not isinstance(model, dict):
        raise ModelLoadError(f"its {CONFIG} has no model_cfg")
    for field, title in OTHER_MODELS.items():
        if model.get(field):
            raise _refusal(f"{title} (model_cfg.{field})")
    try:
        config = OpenClipConfig.model_validate(content)
    except ValidationError as error:
        raise ModelLoadError(f"its {CONFIG} cannot be used ({_in_words(error)})") from error
    return _described(config.model_cfg, config.preprocess_cfg)


def _described(model: ModelConfig, images: PreprocessConfig) -> Description:
    vision, text = model.vision_cfg, model.text_cfg
    _check_known("model_cfg", model)
    _check_defaults("text_cfg", text, OF_TEXT)
    if text.text_arch != "clip":
        raise _refusal(f"the text tower {text.text_arch} (text_cfg.text_arch)")
    if text.proj_type not in ("linear", "none"):
        raise _refusal(f"the text projection {text.proj_type} (text_cfg.proj_type)")
    timm = _timm_tower(vision) if vision.timm_model_name else None
    if timm is None:
        _check_vision_transformer(vision)
    return Description(
        kind="siglip" if timm else _kind_of(text),
        model=model,
        images=images,
        image_size=_side("image_size", vision.image_size),
        vision=Tower(timm.activation, TIMM_EPS) if timm else _tower("vision_cfg", model, vision),
        text=_tower("text_cfg", model, text) if not timm else _siglip_text(model),
        timm=timm,
        clean=_cleaning(text),
    )


def _timm_tower(vision: VisionConfig) -> TimmTower:
    name = str(vision.timm_model_name)
    tower = find_tower(name)
    if tower is None:
        raise _refusal(f"the vision tower {name} of timm (vision_cfg.timm_model_name)")
    if vision.timm_pool != "map":
        raise _refusal(f"the pooling {vision.timm_pool} of SigLIP's tower (vision_cfg.timm_pool)")
    if vision.timm_proj != "none":
        raise _refusal(
            f"a projection after SigLIP's tower (vision_cfg.timm_proj {vision.timm_proj})"
        )
    _check_known("vision_cfg", vision)
    return tower


def _check_vision_transformer(vision: VisionConfig) -> None:
    if not isinstance(vision.layers, int):
        raise _refusal("a ResNet as vision tower (vision_cfg.layers is a list)")
    _check_defaults("vision_cfg", vision, OF_VISION)
    if vision.pool_type != "tok":
        raise _refusal(f"the image pooling {vision.pool_type} (vision_cfg.pool_type)")
    _side("patch_size", vision.patch_size)


def _kind_of(text: TextConfig) -> Literal["clip", "metaclip_2"]:
    if text.no_causal_mask:
        raise _refusal(
            "a text tower without causal mask beside CLIP's vision tower (text_cfg.no_causal_mask)"
        )
    if text.pool_type == "eos":
        return "metaclip_2"
    if text.pool_type != "argmax":
        raise _refusal(f"the text pooling {text.pool_type} (text_cfg.pool_type)")
    return "clip"


def _siglip_text(model: ModelConfig) -> Tower:
    text = model.text_cfg
    if not text.no_causal_mask:
        raise _refusal("a causal text tower beside SigLIP's vision tower (text_cfg.no_causal_mask)")
    if text.pool_type != "last":
        raise _refusal(
            f"the text pooling {text.pool_type} beside SigLIP's vision tower (text_cfg.pool_type)"
        )
    return _tower("text_cfg", model, text)


def _tower(name: str, model: ModelConfig, tower: TransformerConfig) -> Tower:
    given = dict(tower.act_kwargs or {})
    approximate = given.pop("approximate", "none")
    if given or approximate not in ("none", "tanh") or (model.quick_gelu and tower.act_kwargs):
        raise _refusal(f"another activation ({name}.act_kwargs {tower.act_kwargs})")
    norm = dict(tower.norm_kwargs or {})
    eps = norm.pop("eps", DEFAULT_EPS)
    if norm or not isinstance(eps, float | int):
        raise _refusal(f"another norm ({name}.norm_kwargs {tower.norm_kwargs})")
    plain = "quick_gelu" if model.quick_gelu else GELU
    return Tower(GELU_TANH if approximate == "tanh" else plain, float(eps))


def _cleaning(text: TextConfig) -> str:
    """How texts are cleaned: by the name in CLEANINGS."""
    given = dict(text.tokenizer_kwargs or {})
    clean = given.pop("clean", "whitespace" if text.hf_tokenizer_name else "lower")
    given.pop("trust_remote_code", None)  # code is never run
    if not isinstance(clean, str) or clean not in CLEANINGS:
        raise _refusal(f"another cleaning of texts (tokenizer_kwargs.clean {clean})")
    if asked := sorted(key for key, value in given.items() if value):
        raise _refusal(f"another tokenizer (text_cfg.tokenizer_kwargs {', '.join(asked)})")
    return clean


def _side(field: str, sides: int | tuple[int, int]) -> int:
    if isinstance(sides, int):
        return sides
    if sides[0] != sides[1]:
        raise _refusal(f"images or patches that are not square (vision_cfg.{field} {sides})")
    return sides[0]


def _check_defaults(name: str, part: TransformerConfig, titles: dict[str, str]) -> None:
    for field, title in titles.items():
        if getattr(part, field):
            raise _refusal(f"{title} ({name}.{field})")
    if part.block_type not in (None, "default"):
        raise _refusal(f"another block ({name}.block_type {part.block_type})")
    _check_known(name, part)


def _check_known(name: str, part: BaseModel) -> None:
    """Refuse fields that no model served has, unless they switch something off."""
    extra: dict[str, Any] = part.model_extra or {}
    if asked := sorted(field for field, value in extra.items() if value):
        raise _refusal(f"an unknown property ({name}.{asked[0]})")


def _refusal(what: str) -> ModelLoadError:
    return ModelLoadError(f"it has {what}, which is not supported; {SERVED}")


def _in_words(error: ValidationError) -> str:
    shown = error.errors(include_url=False)[:SHOWN_ERRORS]
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in shown)
