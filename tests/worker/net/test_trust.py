"""The certificate authorities that fetches and webhooks trust."""

import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from common.errors import FetchFailed
from common.settings import read
from common.webhooks.outbox import Claim, Delivery
from tests.tls_images import TlsImages, tls_images
from worker.assembly import make_client_options, make_fetcher, make_webhook_sender
from worker.batching.policy import PartRef
from worker.net.trust import public_authorities, trusting
from worker.settings import WorkerSettings

CONTENT = b"an image"
VARIABLES = ("CLIP_FETCH_CA_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@pytest.fixture
def images(tmp_path: Path) -> Iterator[TlsImages]:
    with tls_images(tmp_path, CONTENT) as images:
        yield images


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLIP_FETCH_ALLOW", "127.0.0.0/8,localhost")
    monkeypatch.setenv("CLIP_FETCH_PORTS", "1-65535")
    monkeypatch.setenv("CLIP_WEBHOOK_SECRET", f"whsec_{'A' * 32}")


def fetched(images: TlsImages) -> bytes:
    """Fetch an image as a worker in this environment does."""
    fetcher = make_fetcher(read(WorkerSettings))
    return fetcher.submit(images.url(), PartRef(), lambda content, _: content).result(20)


def notified(images: TlsImages) -> int:
    """The status of the answer to a webhook that a worker in this environment sends."""
    delivery = Delivery(images.url("hook"), "rank", "done", 1, 1, 0, 1.0, 2.0, "pending", 0, 0)
    sender = make_webhook_sender(read(WorkerSettings))
    return sender.send(Claim("j", 1, "localhost", delivery)).status


def hashed(folder: Path, authority: Path) -> Path:
    """A folder in which OpenSSL finds an authority by the hash of its name."""
    name = subprocess.run(
        ["openssl", "x509", "-hash", "-noout", "-in", authority],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    folder.mkdir()
    (folder / f"{name}.0").write_bytes(authority.read_bytes())
    return folder


def test_an_unknown_authority_is_not_accepted(images: TlsImages) -> None:
    with pytest.raises(FetchFailed):
        fetched(images)
    with pytest.raises(FetchFailed):
        notified(images)
    assert images.asked == []


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_company_authority_is_accepted(
    images: TlsImages, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(images.authority))
    assert fetched(images) == CONTENT
    assert notified(images) == 204


@pytest.mark.parametrize("variable", ["CLIP_FETCH_CA_FILE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR"])
def test_the_authority_may_be_a_folder(
    images: TlsImages, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    monkeypatch.setenv(variable, str(hashed(tmp_path / "certificates", images.authority)))
    assert fetched(images) == CONTENT


def subjects(context: ssl.SSLContext) -> int:
    return context.cert_store_stats()["x509_ca"]


def test_the_setting_adds_to_the_public_authorities_and_the_others_replace_them(
    images: TlsImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = subjects(trusting([public_authorities()]))
    assert subjects(make_client_options(read(WorkerSettings)).trusted()) == public
    monkeypatch.setenv("CLIP_FETCH_CA_FILE", str(images.authority))
    assert subjects(make_client_options(read(WorkerSettings)).trusted()) == public + 1
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(images.authority))
    assert subjects(make_client_options(read(WorkerSettings)).trusted()) == 1


def test_the_variable_of_requests_comes_before_that_of_openssl(
    images: TlsImages, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(images.authority))
    assert fetched(images) == CONTENT


def test_unreadable_paths_for_other_programs_are_ignored(
    images: TlsImages, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nix container images, for example, set SSL_CERT_FILE to a missing file."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "missing.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(images.authority))
    assert fetched(images) == CONTENT


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_an_unreadable_setting_ends_the_process(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    content: bytes | None,
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("CLIP_FETCH_CA_FILE", str(path))
    with pytest.raises(SystemExit) as ended:
        read(WorkerSettings)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("CLIP_FETCH_CA_FILE: must be a readable file")
