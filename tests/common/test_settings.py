import subprocess
import sys
from pathlib import Path

import pytest

from api.settings import ApiSettings
from common.settings import SharedSettings, read
from standalone.settings import StandaloneSettings, api_environment, worker_environment
from tests.processes import ROOT
from worker.settings import WorkerSettings


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIP_PORT", "4000")
    assert read(ApiSettings).port == 4000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CLIP_PORT", "no number"),
        ("CLIP_PORT", "70000"),
        ("CLIP_MAX_QUERIES", "0"),
        ("CLIP_REDIS_URL", "amqp://somewhere"),
        ("CLIP_SYNC_TIMEOUT_S", "-1"),
        ("CLIP_REDIS_PREFIX", ""),
        ("CLIP_REDIS_PREFIX", "it's:"),
        ("CLIP_REDIS_PREFIX", "a b:"),
        ("CLIP_MODEL_ALIASES", "clip"),
        ("CLIP_MODEL_ALIASES", "=openai/clip-vit-base-patch16"),
        ("CLIP_MODEL_ALIASES", "clip=a clip=b"),
    ],
)
def test_a_wrong_value_ends_the_process_and_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        read(ApiSettings)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(f"{name}: ")


def test_a_password_in_a_url_is_not_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLIP_REDIS_URL", "http://user:secret@somewhere")
    with pytest.raises(SystemExit):
        read(ApiSettings)
    assert "secret" not in capsys.readouterr().err


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:1", "mps"])
def test_known_devices_are_taken(device: str) -> None:
    assert WorkerSettings(device=device).device == device


def test_an_unknown_device_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLIP_DEVICE", "tpu")
    with pytest.raises(SystemExit):
        read(WorkerSettings)
    assert "CLIP_DEVICE" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("CLIP_FETCH_PORTS", wrong) for wrong in ("web", "0", "80-", "443-80", "70000", "80;81")),
        *(("CLIP_FETCH_ALLOW", wrong) for wrong in ("10.0.0.0/33", "10.0.0.1/8", "*.test", "x:80")),
    ],
)
def test_a_wrong_place_to_fetch_from_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        read(WorkerSettings)
    assert capsys.readouterr().err.startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("CLIP_DEVICE", "gpu", "must be auto, cpu, cuda, cuda:0, cuda:1, … or mps (got 'gpu')"),
        ("CLIP_DEVICE", "cuda:", "must be auto, cpu, cuda, cuda:0, cuda:1, … or mps (got 'cuda:')"),
        ("CLIP_DTYPE", "fp16", "'auto', 'float32', 'float16', 'bfloat16' or 'int8' (got 'fp16')"),
        ("CLIP_MIN_COSINE", "1.1", "less than or equal to 1 (got '1.1')"),
        ("CLIP_LOG_LEVEL", "INFO", "'debug', 'info', 'warning' or 'error' (got 'INFO')"),
        ("CLIP_REDIS_URL", "amqp://a", "must begin with redis://, rediss:// or unix://"),
        ("CLIP_REDIS_URL", "redis://:pa#ss@localhost:6379/0", "is not a valid URL; percent-encode"),
        ("CLIP_REDIS_URL", "redis://:s3cret[x@localhost:6379/0", "is not a valid URL"),
        ("CLIP_REDIS_URL", "redis://:12/pass@localhost:6379/0", "is not a valid URL"),
        (
            "CLIP_FETCH_ALLOW",
            "10.0.0.1/8",
            "10.0.0.1/8 has host bits set; did you mean 10.0.0.0/8?",
        ),
        (
            "CLIP_FETCH_ALLOW",
            "a.example,192.168.1.77/24",
            "host bits set; did you mean 192.168.1.0/24?",
        ),
        ("CLIP_FETCH_ALLOW", "2001:db8::1/32", "has host bits set; did you mean 2001:db8::/32?"),
        ("CLIP_FETCH_ALLOW", "10.0.0.1/255.0.0.0", "has host bits set; did you mean 10.0.0.0/8?"),
        ("CLIP_FETCH_PORTS", "web", "web is neither a port nor a range such as 8000-8999"),
        ("CLIP_FETCH_PORTS", "80,-90", "-90 is neither a port nor a range such as 8000-8999"),
    ],
)
def test_the_error_of_an_invalid_value_says_what_is_valid(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    expected: str,
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        read(WorkerSettings)
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{name}: ")
    assert expected in line


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "mps"])
def test_int8_is_refused_on_other_devices_than_a_cpu(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], device: str
) -> None:
    monkeypatch.setenv("CLIP_DTYPE", "int8")
    for possible in ("auto", "cpu"):
        monkeypatch.setenv("CLIP_DEVICE", possible)
        assert read(WorkerSettings).dtype == "int8"
    monkeypatch.setenv("CLIP_DEVICE", device)
    with pytest.raises(SystemExit):
        read(WorkerSettings)
    said = f"CLIP_DTYPE: int8 runs on CPUs only, and CLIP_DEVICE is {device} (got 'int8')"
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("around", ["{}", " {}", "{}\r", "\t{}\r\n", "\u00a0{} "])
@pytest.mark.parametrize(
    ("name", "value", "read_as"),
    [
        ("model", "demo/model", "demo/model"),
        ("redis_url", "rediss://a:6379/0", "rediss://a:6379/0"),
        ("device", "cuda:1", "cuda:1"),
        ("dtype", "float16", "float16"),
        ("log_level", "debug", "debug"),
        ("batch_size", "4", 4),
        ("jpeg_draft", "true", True),
        ("metrics_host", "::1", "::1"),
        ("fetch_allow", "10.0.0.0/8", "10.0.0.0/8"),
        ("models", "one", ("one",)),
    ],
)
def test_white_space_around_a_value_is_stripped(
    monkeypatch: pytest.MonkeyPatch, around: str, name: str, value: str, read_as: object
) -> None:
    if name == "models":
        monkeypatch.setenv("CLIP_MODEL", "one\r")
    monkeypatch.setenv(f"CLIP_{name.upper()}", around.format(value))
    assert getattr(read(WorkerSettings), name) == read_as


def test_no_error_is_a_pattern() -> None:
    for kind in (ApiSettings, WorkerSettings, StandaloneSettings):
        schema = kind.model_json_schema()
        assert [name for name, field in schema["properties"].items() if "pattern" in field] == []


def test_white_space_is_stripped_in_the_api_and_make_run_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (("HOST", "::1\r"), ("CORS_ORIGINS", " *\r"), ("RATE_LIMIT", "1 per day\r")):
        monkeypatch.setenv(f"CLIP_{name}", value)
    settings = read(ApiSettings)
    assert (settings.host, settings.cors_origins) == ("::1", ("*",))
    assert settings.rate_limit == "1 per day"
    monkeypatch.setenv("CLIP_MODEL", " demo/model\r")
    assert read(StandaloneSettings).served == ("demo/model",)


@pytest.mark.parametrize(
    "given",
    [{"CLIP_MAX_PIXELS_IN_FLIGHT": "99999999"}, {"CLIP_MAX_IMAGE_PIXELS": "100000001"}],
)
def test_the_largest_image_must_fit_into_half_of_the_pixels_in_flight(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: dict[str, str]
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        read(WorkerSettings)
    told = capsys.readouterr().err
    assert told.startswith("CLIP_MAX_PIXELS_IN_FLIGHT: ")
    assert "at least twice CLIP_MAX_IMAGE_PIXELS" in told


def test_the_pixels_in_flight_may_be_those_of_two_images() -> None:
    WorkerSettings(max_image_pixels=10, max_pixels_in_flight=20)


@pytest.mark.parametrize("module", ["api.wsgi", "worker.app"])
def test_a_process_with_a_wrong_value_ends_at_start(module: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", f"import {module}"],
        cwd=ROOT,
        env={"CLIP_MAX_IMAGE_BYTES": "many", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("CLIP_MAX_IMAGE_BYTES: ")
    assert "Traceback" not in ended.stderr


def test_models_are_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIP_MODELS", "one, org/two\nthree")
    assert read(ApiSettings).models == ("one", "org/two", "three")


@pytest.mark.parametrize("models", ["one one", "x" * 257, "a\x06b"])
def test_duplicate_or_invalid_model_names_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], models: str
) -> None:
    monkeypatch.setenv("CLIP_MODELS", models)
    with pytest.raises(SystemExit):
        read(ApiSettings)
    assert capsys.readouterr().err.startswith("CLIP_MODELS: ")


def test_a_worker_serves_its_own_model_through_that_models_queues() -> None:
    models = "one,two"
    assert WorkerSettings(models=models, model="one").queues == ("interactive", "bulk")
    assert WorkerSettings(models=models, model="two").queues == ("interactive:two", "bulk:two")
    assert WorkerSettings(model="two").queues == ("interactive", "bulk")


def test_a_worker_without_a_model_serves_the_first() -> None:
    assert WorkerSettings(models="two, one").model == "two"


def test_a_worker_serves_none_but_the_models_of_the_deployment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLIP_MODELS", "one,two")
    monkeypatch.setenv("CLIP_MODEL", "three")
    with pytest.raises(SystemExit) as ended:
        read(WorkerSettings)
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith("CLIP_MODEL: must be one of CLIP_MODELS, which are one, two")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (ApiSettings, "CLIP_PORT"),
        (StandaloneSettings, "CLIP_PORT"),
        (WorkerSettings, "CLIP_METRICS_PORT"),
    ],
)
@pytest.mark.parametrize(
    "value", ["tcp://10.0.0.7:3000", "udp://10.0.0.7:53", "tcp://[fd00::7]:80"]
)
def test_a_variable_of_a_kubernetes_service_is_explained(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kind: type[SharedSettings],
    name: str,
    value: str,
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        read(kind)
    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{name}: ")
    service = "clip" if name == "CLIP_PORT" else "clip-metrics"
    assert f"a Service named {service};" in line
    assert "enableServiceLinks: false" in line


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("openai/clip-vit-base-patch16", "openai/clip-vit-base-patch16"),
        ("gpt2", "gpt2"),
        ("/models/siglip", "siglip"),
        ("/models/siglip/", "siglip"),
        ("./siglip", "siglip"),
        ("../models/siglip", "siglip"),
        ("~/siglip", "siglip"),
        ("a/b/c", "c"),
    ],
)
def test_a_models_public_name_is_never_a_path(model: str, name: str) -> None:
    assert WorkerSettings(model=model).name == name
    assert ApiSettings(models=model).model_names == (name,)


def test_the_public_name_of_any_folder_is_its_last_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "demo" / "model").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert WorkerSettings(model="demo/model").name == "model"
    monkeypatch.chdir(tmp_path / "demo" / "model")
    assert WorkerSettings(model=".").name == "model"


def test_a_model_may_have_another_public_name() -> None:
    assert WorkerSettings(model="/models/siglip", model_name="best").name == "best"
    assert WorkerSettings(models="one /models/best", model_name="best").model == "/models/best"
    settings = WorkerSettings(models="one best", model="/models/siglip", model_name="best")
    assert settings.queues == ("interactive:best", "bulk:best")


def test_a_model_may_have_the_prefix_of_open_clip() -> None:
    settings = WorkerSettings(model="hf-hub:org/name")
    assert (settings.model, settings.name) == ("org/name", "org/name")
    several = WorkerSettings(models="one hf-hub:org/two", model="hf-hub:org/two")
    assert several.queues == ("interactive:org/two", "bulk:org/two")
    assert ApiSettings(models="hf-hub:org/two").model_names == ("org/two",)


def test_a_folder_is_one_of_the_models_by_its_public_name() -> None:
    settings = WorkerSettings(models="one siglip", model="/models/siglip")
    assert settings.queues == ("interactive:siglip", "bulk:siglip")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"CLIP_MODELS": "one two", "CLIP_MODEL_NAME": "three"}, "CLIP_MODEL_NAME: must be one of"),
        ({"CLIP_MODEL": "hf-hub:"}, "CLIP_MODEL: names no model after hf-hub:"),
        ({"CLIP_MODEL_NAME": "a b"}, "CLIP_MODEL_NAME: a model's name has"),
        ({"CLIP_MODELS": "/a/clip /b/clip"}, "CLIP_MODELS: two models have the name clip"),
    ],
)
def test_an_unusable_public_name_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    settings: dict[str, str],
    expected: str,
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        read(WorkerSettings)
    assert capsys.readouterr().err.startswith(expected)


def test_the_demo_model_is_named_demo(tmp_path: Path) -> None:
    named = api_environment(StandaloneSettings(), "redis://", tmp_path)
    assert named["CLIP_MODEL_NAME"] == "demo"
    other = api_environment(StandaloneSettings(model="/models/siglip"), "redis://", tmp_path)
    assert "CLIP_MODEL_NAME" not in other


def test_a_name_of_the_environment_is_not_that_of_each_of_several_models(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLIP_MODEL_NAME", "one")
    settings = StandaloneSettings(models="/models/one,/models/two")
    environment = worker_environment(settings, "redis://", tmp_path, "/models/two")
    assert environment["CLIP_MODEL_NAME"] == ""


def test_a_model_may_have_several_aliases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIP_MODEL_ALIASES", "clip=a/b, jina=a/b")
    assert read(ApiSettings).aliased_models == {"clip": "a/b", "jina": "a/b"}
