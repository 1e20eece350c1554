import pytest

from bench.options import CONNECTIONS, DTYPES, MODELS, parse

ROWS = ["throughput", "latency", "scaling"]


def test_without_a_word_everything_is_measured() -> None:
    options = parse([], ROWS)
    assert options.rows == tuple(ROWS)
    assert options.models == MODELS
    assert options.dtypes == DTYPES
    assert options.connections == CONNECTIONS


def test_rows_and_numbers_are_chosen() -> None:
    given = "--only latency,scaling --rounds 2 --seconds 0.5 --connections 1,64 --dtypes int8"
    options = parse(given.split(), ROWS)
    assert options.rows == ("latency", "scaling")
    assert (options.rounds, options.seconds) == (2, 0.5)
    assert options.connections == (1, 64)
    assert options.dtypes == ("int8",)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--only", "latency,speed"], "'speed' is none of"),
        (["--dtypes", "int4"], "'int4' is none of"),
        (["--models", "resnet"], "'resnet' is none of"),
        (["--connections", "0"], "counts are 1 at least"),
        (["--memory-requests", "5"], "takes two numbers"),
        (["--rounds", "many"], "invalid int value"),
    ],
)
def test_what_cannot_be_measured_is_reported(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(words, ROWS)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err
