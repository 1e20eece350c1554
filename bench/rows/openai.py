"""OpenAI's route, one image a request, against infinity-emb, which is made for it."""

from collections.abc import Mapping

from bench.agreement import distance
from bench.bars import Verdict, at_least
from bench.contender import Contender, ended_in_the_end
from bench.figures import Series, rate_ratio
from bench.images import PHOTO, THUMBNAIL, Kind
from bench.models import folder_of
from bench.opponents import SERVED_AS, NotInstalled, infinity
from bench.processes import DidNotStart
from bench.rounds import measured
from bench.rows.row import Bench, Result
from bench.service import Plan
from bench.wire import OPENAI, embedding

CONNECTIONS = 32
BATCH = 8
"""infinity-emb's; the best one of the bare model with ViT-B/32."""
TOLERANCE = 1e-3
BAR = at_least(1.25)
WIRE = embedding(SERVED_AS)
SERVICE, PEER = "this service, /v1/embeddings", "infinity, /embeddings"


def run(bench: Bench) -> list[Result]:
    fake = bench.options.fake
    model, kind = ("demo", THUMBNAIL) if fake else ("vit-b-32", PHOTO)
    bench.progress.say(f"OpenAI's route with {model}")
    notes: dict[str, str] = {}
    contenders: dict[str, Contender] = {}
    with ended_in_the_end(contenders):
        contenders[SERVICE] = ours = bench.service(_plan(model, kind))
        ours.pause()
        if not fake:
            try:
                contenders[PEER] = its = infinity(folder_of(model), kind, bench.folder, BATCH)
            except (NotInstalled, DidNotStart) as error:
                notes[PEER] = str(error).splitlines()[0]
            else:
                its.pause()
                apart = distance(ours, its, WIRE, kind, TOLERANCE)
                notes["1 - cosine of the two embeddings"] = f"{apart:.1g}"
        series = measured(contenders, CONNECTIONS, bench.options, bench.progress)
    return [Result("OpenAI's route", list(series.values()), [_judge(model, series)], notes)]


def _plan(model: str, kind: Kind) -> Plan:
    environment = {"CLIP_MODEL_NAME": SERVED_AS, "CLIP_DTYPE": "float32"}
    folder = str(folder_of(model))
    return Plan(folder, kind=kind, environment=environment, path=OPENAI, wire=WIRE)


def _judge(model: str, series: Mapping[str, Series]) -> Verdict:
    what = f"{model}, float32, /v1/embeddings in base64: images/s against infinity"
    if PEER not in series:
        return Verdict(what, BAR, missing="-")
    return Verdict(what, BAR, series[SERVICE].against(series[PEER], rate_ratio))
