"""Blocks of the pages that are run by other tests, by how they begin, and by which."""

ELSEWHERE = {
    "make run\n": "tests/standalone/test_run.py",
    "CLIP_MODEL=openai/clip-vit-base-patch16 make run\n": "tests/worker/model/test_hub.py",
    "pip install -r requirements/tracing.txt": "tests/tracing/test_extra.py",
    "docker build -f Dockerfile.api --build-arg EXTRAS=tracing": "tests/compose/run",
    "import base64\nimport hashlib\nimport hmac\n": "tests/contract/test_webhooks_page.py",
    "celery -A worker.app worker": "tests/worker/queue/test_celery.py",
    "pip install ./client\n": "tests/client/test_wheel.py",
    "pip install ./client qdrant-client\n": "tests/client/test_wheel.py",
    """\
cp docker-compose.dist.yml docker-compose.yml
docker compose up -d --build
""": "tests/compose/run",
    """\
cp docker-compose.dist.yml docker-compose.yml
cp docker-compose.cpu.yml docker-compose.override.yml   # only without an NVIDIA GPU
docker compose up -d --build
docker compose up -d --scale worker=3                   # more throughput
docker compose --profile monitoring --profile flower up -d
""": "tests/compose/run",
    """\
python3 -m venv .venv && .venv/bin/pip install -r requirements/standalone.txt
export CLIP_REDIS_URL=redis://localhost:6379/0
.venv/bin/gunicorn -c api/gunicorn.conf.py api.wsgi:app
CLIP_MODEL=demo/model .venv/bin/python -m worker
""": "tests/processes.py",
    """\
make test
make check
make bench    # against the bare model, a plain Flask service, LitServe, …: bench/README.md
""": ".ci/run",
}
