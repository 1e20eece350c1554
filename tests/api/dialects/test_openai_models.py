"""The lists of models that clients of OpenAI and Infinity read, and their check of health."""

from tests.conftest import ClientMaker
from tests.processes import DEMO_MODEL, Api


def test_models_are_listed_by_name_and_by_alias(service: Api, make_client: ClientMaker) -> None:
    client = make_client(model_aliases=f"jina-clip-v2={DEMO_MODEL.name} b=nowhere")
    told = client.get("/v1/models").get_json()
    assert told["object"] == "list"
    assert [each["id"] for each in told["data"]] == [DEMO_MODEL.name, "jina-clip-v2"]
    for each in told["data"]:
        assert (each["object"], each["owned_by"]) == ("model", "clip-api")
        assert each["created"] > 1_700_000_000
        assert client.get(f"/v1/models/{each['id']}").get_json() == each


def test_a_name_with_a_slash_is_found(make_api: ClientMaker, redis_url: str) -> None:
    client = make_api(redis_url=redis_url, models="openai/clip-vit-base-patch16")
    found = client.get("/v1/models/openai/clip-vit-base-patch16")
    assert found.get_json()["id"] == "openai/clip-vit-base-patch16"


def test_a_model_that_is_not_there_is_404(service: Api) -> None:
    answer = service.get("/v1/models/gpt-5")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "model_not_found"


def test_without_workers_a_model_may_be_there_soon(make_api: ClientMaker, redis_url: str) -> None:
    answer = make_api(redis_url=redis_url).get("/v1/models/demo")
    assert answer.status_code == 503
    assert answer.get_json()["error"]["code"] == "no_worker"
    assert "Retry-After" in answer.headers


def test_our_own_list_has_that_of_infinity_in_it(service: Api) -> None:
    told = service.get("/models").json()
    assert told["object"] == "list"
    [model] = told["data"]
    assert model["id"] == told["models"][0]["name"] == DEMO_MODEL.name
    assert "image_embed" in model["capabilities"]
    assert model["stats"] == {}
    assert "owned_by" not in model, "Infinity's client knows only its own name there"


def test_health_is_readiness(service: Api, make_api: ClientMaker, redis_url: str) -> None:
    healthy = service.get("/health")
    assert healthy.status_code == 200
    assert healthy.json()["unix"] > 1_700_000_000
    for url in (redis_url, "redis://127.0.0.1:1/0"):
        client = make_api(redis_url=url, api_keys="a-key-0123456789abcdef")
        answer = client.get("/health")
        assert (answer.status_code, answer.get_json()["status"]) == (503, "not_ready")
