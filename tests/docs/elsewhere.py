"""Blocks of the pages that other tests run, by how they begin, and which tests."""

from pathlib import Path

from tests.docs.blocks import CLIENT, Block
from tests.processes import ROOT

OTHERS = ROOT / "docs" / "clients.md"
HUB, DOCKER, TARGETS = "tests/worker/model/test_hub.py", "tests/compose/run", ".ci/run"
ELSEWHERE = {
    "CLIP_MODEL=openai/clip-vit-base-patch16 make run\n": HUB,
    "pip install -r requirements/tracing.txt": "tests/tracing/test_extra.py",
    "docker build -f Dockerfile.api --build-arg EXTRAS=tracing": DOCKER,
    "import base64\nimport hashlib\nimport hmac\n": "tests/contract/test_webhooks_page.py",
    "export CLIP_WEBHOOK_SECRET=": "tests/docs/reader.py",
    "celery -A worker.app worker": "tests/worker/queue/test_celery.py",
    "pip install qdrant-client\n": "requirements/dev.in",
    "cp docker-compose.dist.yml docker-compose.yml\n": DOCKER,
    "python3 -m venv .venv && .venv/bin/pip install -r": "tests/processes.py",
    "CLIP_REDIS_URL=redis://localhost:6379/0 CLIP_MODEL": "tests/processes.py",
    "make test\n": TARGETS,
}


def is_run_elsewhere(block: Block, page: Path) -> bool:
    if page == CLIENT and block.language == "python":  # run as one, by tests/client/test_readme.py
        return True
    if page == OTHERS and block.language == "python":  # by tests/packages/test_recipes.py
        return True
    return block.code.startswith(tuple(ELSEWHERE))
