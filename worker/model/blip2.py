"""BLIP-2 as a model that compares texts with images.

Its image encoder gives a vector for each of its query tokens, and its own score is the largest of
their cosines to the text. Here an image has one vector: their mean, each of length 1.
"""

import torch
from torch.nn.functional import normalize
from transformers import Blip2ForImageTextRetrieval
from transformers.modeling_outputs import BaseModelOutputWithPooling

MODEL_TYPE = "blip-2"


class Blip2Retrieval(Blip2ForImageTextRetrieval):  # type: ignore[misc]
    """The stock model, with the methods that the others have."""

    logit_scale = torch.zeros(())  # as its logarithm: logits are cosines
    """It was trained with a temperature, which its checkpoints do not have."""

    @property
    def text_model(self) -> torch.nn.Module:
        """The embeddings of positions are not in it."""
        encoder: torch.nn.Module = self.qformer
        return encoder

    def get_image_features(self, pixel_values: torch.Tensor) -> BaseModelOutputWithPooling:
        seen = self.vision_model(pixel_values=pixel_values).last_hidden_state
        queries = self.query_tokens.expand(len(seen), -1, -1)
        answers = self.qformer(
            query_embeds=queries,
            encoder_hidden_states=seen,
            encoder_attention_mask=torch.ones(
                seen.shape[:-1], dtype=torch.long, device=seen.device
            ),
        ).last_hidden_state
        units = normalize(self.vision_projection(answers), dim=-1)
        return BaseModelOutputWithPooling(last_hidden_state=units, pooler_output=units.mean(dim=1))

    def get_text_features(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **_: torch.Tensor
    ) -> BaseModelOutputWithPooling:
        """Token types are accepted, and ignored: the text encoder has none."""
        read = self.qformer(
            query_embeds=self.embeddings(input_ids=input_ids),
            query_length=0,
            attention_mask=attention_mask,
        ).last_hidden_state
        return BaseModelOutputWithPooling(pooler_output=self.text_projection(read[:, 0]))
