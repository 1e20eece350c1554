"""Examples of the interfaces of other services."""

from tests.contract.calls import BASE64, Call

CLASSES = {"inputs": BASE64, "parameters": {"candidate_labels": ["sunglasses", "pizza"]}}
DIALECT_CALLS = [
    Call(
        *("openai_embeddings", "a_text_and_an_image", "A text and an image"),
        "POST /v1/embeddings",
        {"input": ["jeans", {"image": BASE64}]},
    ),
    Call(
        *("openai_embeddings", "another_model", "A model that is not served"),
        "POST /v1/embeddings",
        {"input": "jeans", "model": "text-embedding-3-small"},
    ),
    Call(
        *("infinity_embeddings", "an_image_in_bits", "An image; the vector in bits"),
        "POST /embeddings",
        {"input": [BASE64], "modality": "image", "encoding_format": "ubinary"},
    ),
    Call(
        *("infinity_image_embeddings", "an_image_for_infinity", "An image"),
        "POST /embeddings_image",
        {"input": [BASE64], "encoding_format": "ubinary"},
    ),
    Call(*("openai_models", "models_as_openai_has_them", "One model"), "GET /v1/models"),
    Call(
        *("openai_model", "a_model_as_openai_has_it", "It is served"),
        "GET /v1/models/{model}",
        values=lambda _: {"model": "demo"},
    ),
    Call(*("health", "healthy", "It is ready"), "GET /health"),
    Call(
        *("cohere_embed", "a_text_for_cohere", "A text; the vector in bits and bytes"),
        "POST /v2/embed",
        {"texts": ["jeans"], "input_type": "search_query", "embedding_types": ["ubinary", "int8"]},
    ),
    Call(
        *("cohere_embed", "too_much_for_cohere", "Both texts and images"),
        "POST /v2/embed",
        {"texts": ["jeans"], "images": [BASE64]},
    ),
    Call(
        *("cohere_embed_v1", "a_text_for_cohere_v1", "A text; the vector in bits"),
        "POST /v1/embed",
        {"texts": ["jeans"], "embedding_types": ["ubinary"]},
    ),
    Call(
        *("voyage_multimodal_embeddings", "both_for_voyage", "A text and an image as one"),
        "POST /v1/multimodalembeddings",
        {
            "inputs": [
                {
                    "content": [
                        {"type": "text", "text": "sunglasses"},
                        {"type": "image_base64", "image_base64": f"data:image/png;base64,{BASE64}"},
                    ]
                }
            ],
            "output_dtype": "ubinary",
        },
    ),
    Call(
        *("huggingface_task", "classes_of_an_image", "Classes of an image"),
        "POST /hf",
        CLASSES,
    ),
    Call(
        *("huggingface_task_at_root", "classes_at_root", "Classes of an image"),
        "POST /",
        CLASSES,
    ),
    Call(
        *("huggingface_task_at_root", "no_labels", "No labels"),
        "POST /",
        {"inputs": BASE64, "parameters": {"candidate_labels": []}},
    ),
    Call(
        *("weaviate_vectorize", "a_text_for_weaviate", "A text"),
        "POST /vectorize",
        {"texts": ["jeans"], "images": []},
    ),
    Call(*("weaviate_meta", "model_for_weaviate", "The model"), "GET /meta"),
    Call(*("weaviate_live", "lives_for_weaviate", "It lives"), "GET /.well-known/live"),
    Call(*("weaviate_ready", "ready_for_weaviate", "It is ready"), "GET /.well-known/ready"),
    *(
        Call(
            *(f"rerank_as_{name}", f"reranked_as_{name}", "Two texts and an image"),
            f"POST {path}",
            {
                "query": "sunglasses",
                "documents": ["pizza", "dark glasses", {"image": BASE64}],
                "top_n": 2,
            },
        )
        for name, path in (
            ("cohere", "/v2/rerank"),
            ("jina", "/v1/rerank"),
            ("infinity", "/rerank"),
        )
    ),
    Call(*("immich_ping", "lives_for_immich", "It lives"), "GET /ping"),
    Call(*("immich_predict", "no_form_for_immich", "Not a form"), "POST /predict"),
    Call(
        *("roboflow_embed_text", "a_text_for_roboflow", "A text"),
        "POST /clip/embed_text",
        {"text": "jeans"},
    ),
    Call(
        *("roboflow_embed_image", "an_image_for_roboflow", "An image"),
        "POST /clip/embed_image",
        {"image": {"type": "base64", "value": BASE64}},
    ),
    Call(
        *("roboflow_compare", "compared_for_roboflow", "An image with two texts"),
        "POST /clip/compare",
        {"subject": {"type": "base64", "value": BASE64}, "prompt": ["sunglasses", "pizza"]},
    ),
]
