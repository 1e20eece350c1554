"""A tiny random-weight checkpoint of every family, made from its configuration class."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from sentencepiece import SentencePieceTrainer
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import (
    AlignConfig,
    AltCLIPConfig,
    AutoModel,
    BertConfig,
    Blip2Config,
    Blip2ForImageTextRetrieval,
    BlipConfig,
    ChineseCLIPConfig,
    CLIPConfig,
    CLIPSegConfig,
    MetaClip2Config,
    PreTrainedTokenizerFast,
    Siglip2Config,
    SiglipConfig,
    SiglipTokenizer,
    Tipsv2Config,
    VisionTextDualEncoderConfig,
    ViTConfig,
    XLMRobertaConfig,
)
from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil
from transformers.models.chinese_clip.image_processing_pil_chinese_clip import (
    ChineseCLIPImageProcessorPil,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.efficientnet.image_processing_pil_efficientnet import (
    EfficientNetImageProcessorPil,
)
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
from transformers.models.siglip2.image_processing_pil_siglip2 import Siglip2ImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

SIDE = 32
PATCH = 8
WORDS = "a photo of the cat dog t-shirt pizza very long label in on with and red blue"
SQUARE = {"height": SIDE, "width": SIDE}
VISION = {
    "hidden_size": 24,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": SIDE,
    "patch_size": PATCH,
}
TEXT = {
    "hidden_size": 24,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}


def tokenizer(context: int, **options: Any) -> Any:
    """A byte-level BPE of its own, which marks beginning and end."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<pad>", "<unk>", "<bos>", "<eos>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator([WORDS] * 3, trainer)
    bpe.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>", special_tokens=[("<bos>", 2), ("<eos>", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<bos>",
        eos_token="<eos>",
        model_max_length=context,
        **options,
    )


def sentencepiece_tokenizer(context: int) -> Any:
    """SigLIP's own, which is written in Python; it marks the end alone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spiece.model"
        with path.open("wb") as file:
            SentencePieceTrainer.train(
                sentence_iterator=iter([WORDS] * 50),
                model_writer=file,
                vocab_size=60,
                hard_vocab_limit=False,
                bos_id=-1,
                pad_id=-1,
                eos_id=1,
                unk_id=2,
                minloglevel=2,
            )
        return SiglipTokenizer(str(path), model_max_length=context)


IDS = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
Parts = tuple[Any, Any, Any]


def clip_like(config: type[Any], **vision: Any) -> Parts:
    text = {**TEXT, **IDS, "vocab_size": 400, "max_position_embeddings": 20}
    made = config(text_config=text, vision_config={**VISION, **vision}, projection_dim=16)
    processor = CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size=SQUARE)
    return made, tokenizer(20), processor


def chinese_clip() -> Parts:
    text = {**TEXT, "vocab_size": 400, "max_position_embeddings": 20, "pad_token_id": 0}
    config = ChineseCLIPConfig(text_config=text, vision_config=VISION, projection_dim=16)
    return config, tokenizer(20), ChineseCLIPImageProcessorPil(size=SQUARE, do_center_crop=False)


def altclip() -> Parts:
    text = {**TEXT, "vocab_size": 400, "max_position_embeddings": 20, "project_dim": 20}
    text |= {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
    config = AltCLIPConfig(text_config=text, vision_config=VISION, projection_dim=16)
    processor = CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size=SQUARE)
    # Of the twenty positions the first is the padding's.
    return config, tokenizer(19), processor


def align() -> Parts:
    text = {**TEXT, "vocab_size": 400, "max_position_embeddings": 20, "pad_token_id": 0}
    vision = {
        "image_size": SIDE,
        "width_coefficient": 0.1,
        "depth_coefficient": 0.1,
        "hidden_dim": 16,
        "depth_divisor": 8,
    }
    config = AlignConfig(text_config=text, vision_config=vision, projection_dim=32)
    processor = EfficientNetImageProcessorPil(size=SQUARE, crop_size=SQUARE)
    return config, tokenizer(20), processor


def blip() -> Parts:
    text = {**TEXT, **IDS, "vocab_size": 400, "max_position_embeddings": 20}
    text |= {"encoder_hidden_size": 24, "sep_token_id": 3, "projection_dim": 16}
    # As configured by default, its images would all look the same.
    vision = {**VISION, "initializer_range": 0.02}
    config = BlipConfig(text_config=text, vision_config=vision, projection_dim=16)
    return config, tokenizer(20), BlipImageProcessorPil(size=SQUARE)


def blip2() -> Parts:
    reader = {**TEXT, "vocab_size": 400, "max_position_embeddings": 20, "pad_token_id": 0}
    reader |= {"use_qformer_text_input": True, "cross_attention_frequency": 1}
    language = {"model_type": "opt", "hidden_size": 8, "num_hidden_layers": 0, "ffn_dim": 8}
    language |= {"vocab_size": 8, "word_embed_proj_dim": 8, "num_attention_heads": 1}
    config = Blip2Config(
        vision_config={**VISION, "initializer_range": 0.02},
        qformer_config=reader,
        text_config=language,
        num_query_tokens=4,
        image_text_hidden_size=16,
        architectures=["Blip2ForImageTextRetrieval"],
    )
    return config, tokenizer(20), BlipImageProcessorPil(size=SQUARE)


def siglip(words: Any) -> Parts:
    text = {**TEXT, **IDS, "vocab_size": 400, "max_position_embeddings": 64}
    config = SiglipConfig(text_config=text, vision_config=VISION)
    return config, words, SiglipImageProcessorPil(size=SQUARE)


def siglip2() -> Parts:
    """NaFlex: images keep their shape, in as many patches as there may be."""
    text = {**TEXT, **IDS, "vocab_size": 400, "max_position_embeddings": 64}
    vision = {k: v for k, v in VISION.items() if k != "image_size"} | {"num_patches": 16}
    config = Siglip2Config(text_config=text, vision_config=vision)
    named = tokenizer(64, model_input_names=["input_ids"])
    return config, named, Siglip2ImageProcessorPil(patch_size=PATCH, max_num_patches=16)


def tipsv2() -> Parts:
    text = {**TEXT, **IDS, "vocab_size": 400, "max_position_embeddings": 64}
    config = Tipsv2Config(text_config=text, vision_config=VISION)
    return config, tokenizer(64), ViTImageProcessorPil(size=SQUARE)


def dual_encoder(text: Any) -> Parts:
    config = VisionTextDualEncoderConfig.from_vision_text_configs(
        ViTConfig(**VISION), text, projection_dim=16
    )
    return config, tokenizer(1000), ViTImageProcessorPil(size=SQUARE)


FAMILIES: dict[str, Callable[[], Parts]] = {
    "clip": lambda: clip_like(CLIPConfig),
    "clipseg": lambda: clip_like(CLIPSegConfig),
    "metaclip_2": lambda: clip_like(MetaClip2Config),
    "chinese_clip": chinese_clip,
    "altclip": altclip,
    "align": align,
    "blip": blip,
    "blip-2": blip2,
    "siglip": lambda: siglip(tokenizer(64, model_input_names=["input_ids"])),
    "siglip, SentencePiece": lambda: siglip(sentencepiece_tokenizer(64)),
    "siglip2": siglip2,
    "tipsv2": tipsv2,
    "dual encoder, BERT": lambda: dual_encoder(
        BertConfig(**TEXT, vocab_size=400, max_position_embeddings=20)
    ),
    "dual encoder, RoBERTa": lambda: dual_encoder(
        XLMRobertaConfig(**TEXT, **IDS, vocab_size=400, max_position_embeddings=20)
    ),
}


def save_tiny_model(family: str, folder: Path) -> Path:
    """Make the family's checkpoint in a folder, the same one each time."""
    config, words, processor = FAMILIES[family]()
    torch.manual_seed(1)
    if isinstance(config, Blip2Config):
        model = Blip2ForImageTextRetrieval(config).eval()
        torch.nn.init.normal_(model.query_tokens)
    else:
        model = AutoModel.from_config(config).eval()
    with torch.no_grad():
        for weights in model.parameters():
            # As initialised, embeddings of all things are nearly the same.
            if weights.dim() > 1:
                weights.mul_(4)
        if hasattr(model, "logit_bias"):
            model.logit_scale.fill_(2.0)
            model.logit_bias.fill_(-1.5)
    for part in (model, words, processor):
        part.save_pretrained(folder)
    return folder
