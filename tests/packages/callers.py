"""A function for each package, which embeds texts, and what its errors and retries are."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import cohere
import openai
import voyageai
from huggingface_hub import InferenceClient
from infinity_client import AuthenticatedClient
from infinity_client.api.default import embeddings
from infinity_client.models import OpenAIEmbeddingInputText, OpenAIEmbeddingResult
from langchain_openai import OpenAIEmbeddings

from tests.packages import node
from tests.packages.addresses import KEY


@dataclass(frozen=True)
class Call:
    """Texts to embed, and how often the package may try."""

    url: str
    inputs: list[str]
    key: str = KEY
    model: str = "demo"
    tries: int = 1


@dataclass(frozen=True)
class Package:
    """A package: `errors` are the names of its classes by status.

    `retried` are the statuses after which it tries again by itself.
    """

    embed: Callable[[Call], Any]
    errors: Mapping[int, str]
    retried: frozenset[int] = frozenset()
    is_installed: bool = True


def _openai_options(call: Call) -> dict[str, Any]:
    return {"base_url": f"{call.url}/v1", "api_key": call.key, "max_retries": call.tries - 1}


def _openai(call: Call) -> Any:
    client = openai.OpenAI(**_openai_options(call))
    told = client.embeddings.create(model=call.model, input=call.inputs)
    return [each.embedding for each in told.data]


async def _openai_async(call: Call) -> Any:
    async with openai.AsyncOpenAI(**_openai_options(call)) as client:
        told = await client.embeddings.create(model=call.model, input=call.inputs)
    return [each.embedding for each in told.data]


def langchain(call: Call) -> OpenAIEmbeddings:
    return OpenAIEmbeddings(
        model=call.model, check_embedding_ctx_length=False, **_openai_options(call)
    )


def _huggingface_hub(call: Call) -> Any:
    client = InferenceClient(model=f"{call.url}/hf?model={call.model}", token=call.key)
    return client.feature_extraction(call.inputs)


def _cohere(call: Call) -> Any:
    client = cohere.ClientV2(call.key, base_url=call.url, max_retries=call.tries - 1)
    told = client.embed(model=call.model, input_type="search_query", texts=call.inputs)
    return told.embeddings.float_


def _voyageai(call: Call) -> Any:
    # What it calls retries are all tries.
    client = voyageai.Client(call.key, base_url=f"{call.url}/v1", max_retries=call.tries)
    return client.multimodal_embed([[text] for text in call.inputs], model=call.model).embeddings


def _infinity(call: Call) -> Any:
    client = AuthenticatedClient(base_url=call.url, token=call.key, raise_on_unexpected_status=True)
    body = OpenAIEmbeddingInputText(input_=call.inputs, model=call.model)
    told = embeddings.sync(client=client, body=body)
    assert isinstance(told, OpenAIEmbeddingResult)
    return [each.embedding for each in told.data]


def _npm(task: str, call: Call) -> Any:
    return node.run(task, **asdict(call))


OPENAI = {
    400: "openai.BadRequestError",
    401: "openai.AuthenticationError",
    404: "openai.NotFoundError",
    429: "openai.RateLimitError",
    503: "openai.InternalServerError",
}
COHERE = {
    400: "cohere.BadRequestError",
    401: "cohere.UnauthorizedError",
    404: "cohere.NotFoundError",
    429: "cohere.TooManyRequestsError",
    503: "cohere.ServiceUnavailableError",
}
VOYAGE = {
    400: "voyageai.InvalidRequestError",
    401: "voyageai.AuthenticationError",
    404: "voyageai.APIError",
    429: "voyageai.RateLimitError",
    503: "voyageai.ServiceUnavailableError",
}
BOTH = frozenset({429, 503})
HUGGING_FACE = dict.fromkeys(OPENAI, "huggingface_hub.HfHubHTTPError")
PACKAGES = {
    "openai": Package(_openai, OPENAI, BOTH),
    "openai, asynchronous": Package(lambda call: asyncio.run(_openai_async(call)), OPENAI, BOTH),
    "langchain-openai": Package(
        lambda call: langchain(call).embed_documents(call.inputs), OPENAI, BOTH
    ),
    "huggingface_hub": Package(
        _huggingface_hub, HUGGING_FACE | {400: "huggingface_hub.BadRequestError"}
    ),
    "cohere": Package(_cohere, COHERE, BOTH),
    "voyageai": Package(_voyageai, VOYAGE, BOTH),
    "infinity_client": Package(
        _infinity, dict.fromkeys(OPENAI, "infinity_client.UnexpectedStatus")
    ),
    "npm openai": Package(partial(_npm, "openai"), OPENAI, BOTH, node.is_installed("openai")),
    "npm @huggingface/inference": Package(
        partial(_npm, "huggingface"),
        dict.fromkeys(OPENAI, "huggingface.InferenceClientProviderApiError"),
        frozenset({503}),
        node.is_installed("@huggingface/inference"),
    ),
}
