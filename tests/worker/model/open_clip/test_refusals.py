"""What is not served of open_clip's models is refused by its name, with what is served."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.open_clip.checkpoints import arrays, save_model
from tests.open_clip.models import MODELS, SAFE, Config, Model
from worker.model.checkpoint import open_checkpoint
from worker.model.load_errors import ModelLoadError
from worker.model.source import Source

Change = Callable[[Path], object]
Weights = dict[str, torch.Tensor]
SERVED = "not supported; of open_clip's models are served: a vision transformer with the text .* 2"


def configured(change: Callable[[Config], object]) -> Change:
    """Change the configuration."""

    def apply(folder: Path) -> None:
        path = folder / "open_clip_config.json"
        config = json.loads(path.read_text())
        change(config)
        path.write_text(json.dumps(config))

    return apply


def model(**more: Any) -> Change:
    return configured(lambda config: config["model_cfg"].update(more))


def vision(**more: Any) -> Change:
    return configured(lambda config: config["model_cfg"]["vision_cfg"].update(more))


def text(**more: Any) -> Change:
    return configured(lambda config: config["model_cfg"]["text_cfg"].update(more))


def weighed(change: Callable[[Weights], object]) -> Change:
    """Change the weights."""

    def apply(folder: Path) -> None:
        weights = load_file(folder / SAFE)
        change(weights)
        save_file(weights, folder / SAFE)

    return apply


def written(content: str) -> Change:
    return lambda folder: (folder / "open_clip_config.json").write_text(content)


REFUSED: dict[str, tuple[Change, str]] = {
    "CoCa": (model(multimodal_cfg={"width": 4}), f"a CoCa model .* {SERVED}"),
    "CLAP": (model(audio_cfg={"mel_bins": 64}), "a CLAP model"),
    "a ResNet": (vision(layers=[3, 4, 6, 3]), f"a ResNet as vision tower .* {SERVED}"),
    "another tower": (vision(timm_model_name="fastvit_mci1"), "the vision tower fastvit_mci1 of"),
    "a NaFlex tower": (
        vision(timm_model_name="naflexvit_base_patch16_siglip"),
        "the vision tower naflexvit_base_patch16_siglip of timm",
    ),
    "averaging SigLIP": (
        vision(timm_model_name="vit_base_patch16_siglip_gap_224"),
        "the vision tower vit_base_patch16_siglip_gap_224 of timm",
    ),
    "SigLIP with a projection": (
        vision(timm_model_name="vit_base_patch16_siglip_224", timm_pool="map"),
        "a projection after SigLIP's tower",
    ),
    "SigLIP without its pooling": (
        vision(timm_model_name="vit_base_patch16_siglip_224", timm_pool="avg"),
        "the pooling avg of SigLIP's tower",
    ),
    "SigLIP with CLIP's texts": (
        vision(timm_model_name="vit_base_patch16_siglip_224", timm_pool="map", timm_proj="none"),
        "a causal text tower beside SigLIP's",
    ),
    "a changed tower": (
        vision(
            timm_model_name="vit_base_patch16_siglip_224",
            timm_pool="map",
            timm_proj="none",
            timm_model_kwargs={"reg_tokens": 4},
        ),
        "an unknown property .vision_cfg.timm_model_kwargs",
    ),
    "a text model": (text(hf_model_name="roberta-base"), "a text model of transformers .text_cfg"),
    "another text tower": (text(text_arch="modern"), "the text tower modern"),
    "layer scale": (vision(ls_init_value=1e-4), "layer scale .vision_cfg.ls_init_value"),
    "layer scale of texts": (text(ls_init_value=1e-4), "layer scale .text_cfg.ls_init_value"),
    "attentional pooling": (vision(attentional_pool=True), "attentional pooling"),
    "averaging": (vision(pool_type="avg"), "the image pooling avg"),
    "no first norm": (vision(no_ln_pre=True), "a vision transformer without its first norm"),
    "QK norm": (vision(qk_norm=True), "normalised queries and keys"),
    "another block": (vision(block_type="custom"), "another block .vision_cfg.block_type custom"),
    "rectangles": (vision(image_size=[64, 32]), "images or patches that are not square"),
    "texts without mask": (text(no_causal_mask=True), "a text tower without causal mask"),
    "text pooling": (text(pool_type="last"), "the text pooling last"),
    "a class token": (text(embed_cls=True), "a class token in its texts"),
    "a projection of layers": (text(proj_type="mlp"), "the text projection mlp"),
    "an activation": (vision(act_kwargs={"approximate": "fast"}), "another activation"),
    "a norm": (text(norm_kwargs={"bias": False}), "another norm .text_cfg.norm_kwargs"),
    "a tokenizer": (text(tokenizer_kwargs={"strip_sep_token": True}), "another tokenizer"),
    "a cleaning": (text(tokenizer_kwargs={"clean": "lemmas"}), "another cleaning of texts"),
    "a tokenizer mode": (text(tokenizer_mode="clips"), "a tokenizer mode"),
    "what is not known": (vision(windows=7), "an unknown property .vision_cfg.windows"),
    "no JSON": (written("{"), "its open_clip_config.json is not valid JSON"),
    "no model": (written("[]"), "its open_clip_config.json has no model_cfg"),
    "a word for a number": (
        vision(width="wide"),
        "its open_clip_config.json cannot be used .model_cfg.vision_cfg.width: Input should be",
    ),
    "an unknown resizing": (
        configured(lambda config: config["preprocess_cfg"].update(resize_mode="seam")),
        "preprocess_cfg.resize_mode: Input should be 'shortest', 'longest' or 'squash'",
    ),
    "layers without end": (text(layers=10**9), "text_cfg.layers: Input should be less than"),
    "vision layers without end": (vision(layers=10**9), "vision_cfg.layers.*should be less than"),
    "an endless context": (text(context_length=10**9), "context_length: Input should be less than"),
    "a giant image": (vision(image_size=100_000), "vision_cfg.image_size.*should be less than"),
    "a list of cleanings": (
        text(tokenizer_kwargs={"clean": ["lower"]}),
        r"another cleaning of texts .tokenizer_kwargs.clean \['lower'\]",
    ),
    "a weight too few": (
        weighed(lambda weights: weights.pop("visual.proj")),
        "it lacks 1 of the weights, such as visual.proj",
    ),
    "layers too few": (vision(layers=4), "it lacks 12 of the weights, such as visual.transformer"),
    "layers too many": (
        text(layers=1),
        "it has 12 weights that its open_clip_config.json does not account for, such as text.tr",
    ),
    "a weight too many": (
        weighed(lambda weights: weights.update({"visual.ls.gamma": torch.ones(4)})),
        "it has 1 weights that its open_clip_config.json does not account for, such as visual.ls.g",
    ),
    "another width": (text(width=64), "has 64 as text_cfg.width, its weights have 48"),
    "another vocabulary": (text(vocab_size=5000), "5000 as text_cfg.vocab_size, its weights ha"),
    "another patch": (vision(patch_size=32), "32 as vision_cfg.patch_size, its weights have 16"),
    "another dimension": (model(embed_dim=64), "64 as embed_dim, its weights have 32"),
    "another MLP": (vision(mlp_ratio=2), "128 as vision_cfg.mlp_ratio times the width, its we"),
    "an endless MLP": (vision(mlp_ratio=float("inf")), "vision_cfg.mlp_ratio: Input should be"),
    "odd heads": (text(heads=5), "a number of heads that does not fit its widths"),
    "a misshapen weight": (
        weighed(lambda weights: weights.update({"ln_final.bias": torch.ones(7)})),
        "it has in another shape 1 of the weights, such as text_model.final_layer_norm.bias",
    ),
}


@pytest.mark.parametrize(("change", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_served_is_refused_by_its_name(
    change: Change, reason: str, tmp_path: Path
) -> None:
    folder = save_model(MODELS["clip"], tmp_path / "model")
    change(folder)
    with pytest.raises(ModelLoadError, match=f"^cannot load {folder}: .*{reason}") as refusal:
        open_checkpoint(Source(str(folder)))
    assert refusal.value.exit_code == 78


def test_what_makes_no_difference_is_ignored(tmp_path: Path) -> None:
    folder = save_model(MODELS["clip"], tmp_path / "model")
    vision(patch_dropout=0.5, attentional_pool=False, windows=None)(folder)
    weighed(lambda weights: weights.update(attn_mask=torch.ones(4)))(folder)
    assert open_checkpoint(Source(str(folder))).format == "open_clip"


def test_the_bias_of_the_weights_counts(tmp_path: Path) -> None:
    """Probabilities are sigmoids if there is one, whatever the configuration says."""
    config = {**MODELS["clip"].model_cfg, "init_logit_bias": -4.0}
    described = save_model(Model(MODELS["clip"].model_cfg, {}), tmp_path / "without")
    biased = arrays(Model(config, {}))
    save_file({name: torch.from_numpy(each) for name, each in biased.items()}, described / SAFE)
    checkpoint = open_checkpoint(Source(str(described)))
    assert (checkpoint.activation, checkpoint.model.logit_bias.item()) == ("sigmoid", -4.0)


def test_a_model_without_the_bias_of_its_configuration_has_zero(tmp_path: Path) -> None:
    folder = save_model(MODELS["clip"], tmp_path / "model")
    model(init_logit_bias=-4.0)(folder)
    checkpoint = open_checkpoint(Source(str(folder)))
    assert (checkpoint.activation, checkpoint.model.logit_bias.item()) == ("sigmoid", 0.0)
