"""`infinity_client`."""

from infinity_client import AuthenticatedClient, Client
from infinity_client.api.default import embeddings, embeddings_image, health, models, rerank
from infinity_client.models import (
    EmbeddingEncodingFormat,
    ImageEmbeddingInput,
    OpenAIEmbeddingInputImage,
    OpenAIEmbeddingInputText,
    OpenAIEmbeddingResult,
    OpenAIModelInfo,
    RerankInput,
    ReRankResult,
)

from tests.packages.addresses import KEY, Services
from tests.packages.conftest import DATA_URI, OTHER, TEXT, Expected, assert_same


def client_of(url: str) -> AuthenticatedClient:
    return AuthenticatedClient(base_url=url, token=KEY, raise_on_unexpected_status=True)


def test_texts_and_images_are_embedded(services: Services, expected: Expected) -> None:
    client = client_of(services.plain)
    texts = embeddings.sync(
        client=client,
        body=OpenAIEmbeddingInputText(
            input_=[TEXT, OTHER], encoding_format=EmbeddingEncodingFormat.FLOAT
        ),
    )
    assert isinstance(texts, OpenAIEmbeddingResult)
    assert_same([each.embedding for each in texts.data], [expected.text, expected.other])
    assert texts.usage.total_tokens > 0
    images = embeddings.sync(client=client, body=OpenAIEmbeddingInputImage(input_=[DATA_URI]))
    assert isinstance(images, OpenAIEmbeddingResult)
    assert_same(images.data[0].embedding, expected.image)
    early = embeddings_image.sync(client=client, body=ImageEmbeddingInput(input_=DATA_URI))
    assert isinstance(early, OpenAIEmbeddingResult)
    assert_same(early.data[0].embedding, expected.image)


def test_documents_are_reranked(services: Services) -> None:
    body = RerankInput(query=TEXT, documents=[OTHER, TEXT], return_documents=True)
    told = rerank.sync(client=client_of(services.plain), body=body)
    assert isinstance(told, ReRankResult)
    assert [(each.index, each.document) for each in told.results] == [(1, TEXT), (0, OTHER)]


def test_models_and_health_are_read(services: Services) -> None:
    listed = models.sync(client=client_of(services.plain))
    assert isinstance(listed, OpenAIModelInfo)
    assert listed.data[0].id == "demo"
    alive = health.sync(client=Client(base_url=services.plain))
    assert alive is not None
    assert alive["unix"] > 1_700_000_000
