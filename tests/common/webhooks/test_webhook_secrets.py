from pathlib import Path

import pytest
from pydantic import ValidationError

from common.settings import SharedSettings
from common.webhooks.secrets import key_of

SECRET, OTHER = f"whsec_{'A' * 32}", f"whsec_{'B' * 84}AA=="


def secrets(**given: object) -> list[str]:
    settings = SharedSettings.model_validate(given)
    assert not {secret for secret in (SECRET, OTHER) if secret in repr(settings)}
    return [secret.get_secret_value() for secret in settings.webhook_secrets]


def test_there_may_be_none_one_or_several(tmp_path: Path) -> None:
    file = tmp_path / "secrets"
    file.write_text(f"# ours\n{OTHER}\n\n")
    assert secrets() == secrets(webhook_secret="", webhook_secret_file="") == []
    assert secrets(webhook_secret=SECRET) == [SECRET]
    assert secrets(webhook_secret=f"{SECRET}, {OTHER}") == [SECRET, OTHER]
    assert secrets(webhook_secret=SECRET, webhook_secret_file=str(file)) == [SECRET, OTHER]


@pytest.mark.parametrize(
    "secret", ["A" * 32, "whsec_", "whsec_" + "A" * 28, "whsec_" + "A" * 92, "whsec_?" + "A" * 31]
)
def test_an_invalid_one_is_refused_and_not_printed(secret: str) -> None:
    with pytest.raises(ValidationError) as raised:
        secrets(webhook_secret=secret)
    told = str(raised.value.errors(include_input=False))
    assert secret not in told or secret == "whsec_"


def test_a_file_must_hold_one(tmp_path: Path) -> None:
    for file in (tmp_path / "gone", tmp_path):
        with pytest.raises(ValidationError, match="cannot be read"):
            secrets(webhook_secret_file=str(file))
    (tmp_path / "empty").write_text("# nothing\n")
    with pytest.raises(ValidationError, match="no secret"):
        secrets(webhook_secret_file=str(tmp_path / "empty"))


def test_the_key_is_what_the_base64_stands_for() -> None:
    assert key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").hex().startswith("31f290f6bf06")
