"""The fields of open_clip_config.json, with the defaults of open_clip."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

# Above what any model has; what exceeds them would take the memory before it is compared.
Size = Annotated[int, Field(ge=1, le=1_000_000)]
Count = Annotated[int, Field(ge=1, le=1_000)]
Context = Annotated[int, Field(ge=1, le=10_000)]
Side = Annotated[int, Field(ge=1, le=4_096)]
Ratio = Annotated[float, Field(gt=0, le=100)]
Sides = Side | tuple[Side, Side]
Numbers = tuple[float, float, float] | float

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


class Part(BaseModel):
    """Unknown fields are kept, so that they can be refused by name."""

    model_config = ConfigDict(extra="allow", frozen=True)


class TransformerConfig(Part):
    """What both towers have."""

    mlp_ratio: Ratio = 4.0
    act_kwargs: dict[str, Any] | None = None
    norm_kwargs: dict[str, Any] | None = None
    ls_init_value: float | None = None
    block_type: str | None = None
    qk_norm: bool = False
    scaled_cosine_attn: bool = False
    scale_heads: bool = False
    scale_attn_inner: bool = False
    scale_attn: bool = False
    scale_fc: bool = False
    output_tokens: bool = False


class VisionConfig(TransformerConfig):
    layers: Count | list[Count] = 12
    width: Size = 768
    head_width: Size = 64
    patch_size: Sides = 16
    image_size: Sides = 224
    image_seq_len: int | None = None
    patch_dropout: float = 0.0
    attentional_pool: bool | str = False
    attn_pooler_queries: int = 256
    attn_pooler_heads: int = 8
    no_ln_pre: bool = False
    pos_embed_type: str = "learnable"
    final_ln_after_pool: bool = False
    pool_type: str = "tok"
    timm_model_name: str | None = None
    timm_model_pretrained: bool = False
    timm_pool: str | None = "avg"
    timm_proj: str | None = "linear"
    timm_proj_bias: bool = False
    timm_drop: float = 0.0
    timm_drop_path: float | None = None


class TextConfig(TransformerConfig):
    text_arch: str = "clip"
    context_length: Context = 77
    vocab_size: Size = 49408
    hf_tokenizer_name: str | None = None
    tokenizer_mode: str | None = None
    tokenizer_type: str | None = None
    tokenizer_kwargs: dict[str, Any] | None = None
    width: Size = 512
    heads: Count = 8
    layers: Count = 12
    embed_cls: bool = False
    pad_id: int = 0
    bos_id: int | None = None
    eos_id: int = 2
    no_causal_mask: bool = False
    final_ln_after_pool: bool = False
    pool_type: str = "argmax"
    proj_bias: bool = False
    proj_type: str = "linear"
    hf_model_name: str | None = None
    hf_model_pretrained: bool = True
    hf_proj_type: str | None = "mlp"
    hf_pooler_type: str | None = "mean_pooler"


class ModelConfig(Part):
    embed_dim: Size
    vision_cfg: VisionConfig
    text_cfg: TextConfig
    quick_gelu: bool = False
    custom_text: bool = False
    init_logit_scale: float | None = None
    init_logit_bias: float | None = None
    nonscalar_logit_scale: bool = False
    output_dict: bool = False


class PreprocessConfig(BaseModel):
    """Null stands for the default, and unknown fields are ignored, as open_clip does."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    mode: Literal["RGB"] | None = "RGB"
    mean: Numbers | None = CLIP_MEAN
    std: Numbers | None = CLIP_STD
    interpolation: Literal["bicubic", "bilinear", "random"] | None = "bicubic"
    resize_mode: Literal["shortest", "longest", "squash"] | None = "shortest"
    fill_color: int | None = 0


class OpenClipConfig(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    model_cfg: ModelConfig
    preprocess_cfg: PreprocessConfig = PreprocessConfig()
