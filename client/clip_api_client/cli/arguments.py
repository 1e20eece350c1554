"""The commands of the command line, and their arguments."""

from importlib.metadata import PackageNotFoundError, version

from clip_api_client.cli import options
from clip_api_client.cli.exits import EPILOG, EPILOG_WITHOUT_IMAGES
from clip_api_client.cli.parsing import RAW, CommandLine, Parser
from clip_api_client.settings import Settings

LISTED = 20
STATES = ("queued", "running", "done", "failed", "cancelled", "expired")
EXAMPLES = """\
examples:
  clip-api rank photos --labels "t-shirt, jeans, dress, sunglasses"
  clip-api label-sets put clothes --labels "t-shirt, jeans, dress"
  clip-api rank photo.jpg --label-set clothes
  clip-api jobs

"""
RANK_EXAMPLE = """\
example:
  clip-api rank photos/*.jpg --labels "t-shirt, jeans, dress, sunglasses"

"""
ENCODE_EXAMPLE = """\
example:
  clip-api encode photos --npy photos.npy

"""
EVALUATE_EXAMPLE = """\
example:
  photos/t-shirt/1.jpg  photos/t-shirt/2.jpg  photos/running_shoe/a/3.jpg  …
  clip-api evaluate photos --template "a photo of a {}"

"""
JOBS_EXAMPLE = """\
examples:
  clip-api jobs --status done --limit 5
  clip-api jobs wait ID

"""
LABEL_SETS_EXAMPLE = """\
examples:
  clip-api label-sets put clothes --labels "t-shirt, jeans" --template "a photo of a {}"
  clip-api label-sets add clothes --labels "dress, sunglasses"
  clip-api label-sets templates clothes --template "a drawing of a {}"
  clip-api rank photos --label-set clothes

"""


def command_line(settings: Settings) -> CommandLine:
    """The whole command; the settings are the defaults of its options."""
    parser = Parser(
        "clip-api",
        description="Rank texts against images with a CLIP API.",
        epilog=EXAMPLES + EPILOG,
        formatter_class=RAW,
    )
    parser.add_argument("-V", "--version", action="version", version=f"clip-api {_version()}")
    whole = CommandLine(parser, "command", "COMMAND")
    service = options.service_options(settings)
    _rank(whole, service)
    _encode(whole, service)
    _evaluate(whole, service)
    _jobs(whole, service)
    _label_sets(whole, service)
    _models(whole, service)
    _serve(whole)
    return whole


def _rank(whole: CommandLine, service: Parser) -> None:
    command = whole.add(
        "rank",
        "rank labels for images",
        parents=[service],
        description="Rank labels for images, the most probable first.",
        epilog=RANK_EXAMPLE + EPILOG,
    )
    options.add_files(command)
    command.add_argument(
        "--submit",
        action="store_true",
        help="send all images as one job, and print its ID instead of waiting; see `jobs`. If a "
        "file cannot be read, nothing is sent",
    )
    command.add_argument(
        "--metadata",
        action="append",
        default=[],
        type=options.pair,
        metavar="KEY=VALUE",
        help="kept with the job, or the jobs, of this command; may be repeated",
    )
    labels = command.add_argument_group("labels")
    options.add_labels(labels)
    labels.add_argument(
        "--label-set",
        type=options.name,
        metavar="NAME",
        help="a label set on the service; see `label-sets`",
    )
    options.add_templates(labels)
    scoring = command.add_argument_group("scoring")
    scoring.add_argument("--model", help="the model, if the service has several")
    options.add_alpha(scoring)
    scoring.add_argument("--temperature", type=options.positive, metavar="X")
    scoring.add_argument("--activation", choices=("softmax", "sigmoid", "none"))
    output = command.add_argument_group("output")
    output.add_argument(
        "--top",
        type=options.top,
        metavar="N",
        help="number of labels per image, or `all` (default on a terminal: 5, or 1 with many "
        "images; otherwise all)",
    )
    options.add_csv(options.add_formats(command))


def _encode(whole: CommandLine, service: Parser) -> None:
    command = whole.add(
        "encode",
        "print embeddings of images and texts",
        parents=[service],
        description="Print the embeddings of images and texts, not normalised.",
        epilog=ENCODE_EXAMPLE + EPILOG,
    )
    options.add_files(command)
    command.add_argument(
        "--text", action="append", default=[], metavar="T", help="a text; texts follow the images"
    )
    command.add_argument("--model", help="the model, if the service has several")
    options.add_alpha(command)
    options.add_formats(command).add_argument(
        "--npy",
        metavar="FILE",
        help="write a float32 array with a row for each input, in order; NaN for failed ones",
    )


def _evaluate(whole: CommandLine, service: Parser) -> None:
    command = whole.add(
        "evaluate",
        "measure accuracy on labelled images",
        parents=[service],
        description="Measure how often each model ranks the right label first, and which labels\n"
        "it confuses. There is a folder of images for each label.",
        epilog=EVALUATE_EXAMPLE + EPILOG,
    )
    command.add_argument(
        "folder",
        metavar="FOLDER",
        help="it has a folder for each label; the name of that is the label, with spaces for "
        "underscores",
    )
    command.add_argument(
        "--model",
        action="append",
        help="evaluate this model only; may be repeated (default: all models that have a worker)",
    )
    options.add_templates(command)
    options.add_alpha(command)
    output = command.add_argument_group("output")
    output.add_argument(
        "--worst",
        type=options.top,
        metavar="N",
        help="number of labels to list, the worst first, or `all` (default on a terminal: 5; "
        "otherwise all)",
    )
    options.add_csv(options.add_formats(command))


def _jobs(whole: CommandLine, service: Parser) -> None:
    actions = whole.add_group(
        "jobs",
        "list, show, wait for, cancel and delete jobs",
        description="List, show, wait for, cancel and delete asynchronous jobs.\n"
        "Without an action, list them.",
        epilog=JOBS_EXAMPLE,
    )
    listed = actions.add("list", "list jobs, the newest first", parents=[service])
    listed.add_argument("--status", choices=STATES)
    listed.add_argument(
        "--limit", type=options.whole, default=LISTED, metavar="N", help="(%(default)s)"
    )
    options.add_formats(listed)
    for name, words in (
        ("show", "show state, progress, errors and result of a job"),
        ("wait", "wait for a job, then show it"),
    ):
        shown = actions.add(name, words, parents=[service])
        shown.add_argument("job", type=options.name, metavar="ID")
        options.add_formats(shown)
    for name, words in (
        ("cancel", "cancel jobs"),
        ("delete", "cancel jobs if necessary, and delete their images and results"),
    ):
        ended = actions.add(name, words, parents=[service])
        ended.add_argument("job", type=options.name, nargs="+", metavar="ID")


def _models(whole: CommandLine, service: Parser) -> None:
    command = whole.add(
        "models",
        "list the models that the service offers",
        parents=[service],
        description="List the models, the default first: family, format of the checkpoint,\n"
        "revision, precision, context, image size and activation.",
        epilog=EPILOG_WITHOUT_IMAGES,
    )
    options.add_formats(command)


def _label_sets(whole: CommandLine, service: Parser) -> None:
    actions = whole.add_group(
        "label-sets",
        "list, show, put, change and delete label sets",
        description="A label set is a list of labels on the service, for `rank --label-set NAME`.\n"
        "Without an action, list them.",
        epilog=LABEL_SETS_EXAMPLE,
    )
    options.add_formats(actions.add("list", "list label sets", parents=[service]))
    shown = actions.add("show", "show the labels and templates of a set", parents=[service])
    shown.add_argument("name", type=options.name, metavar="NAME")
    options.add_formats(shown)
    put = actions.add("put", "store labels as a set, or replace one", parents=[service])
    put.add_argument("name", type=options.name, metavar="NAME")
    options.add_labels(put)
    options.add_templates(put)
    for name, words in (
        ("add", "add labels to a set; its templates stay"),
        ("remove", "remove labels from a set"),
    ):
        changed = actions.add(name, words, parents=[service])
        changed.add_argument("name", type=options.name, metavar="NAME")
        options.add_labels(changed)
    prompted = actions.add(
        "templates", "replace the templates of a set; its labels stay", parents=[service]
    )
    prompted.add_argument("name", type=options.name, metavar="NAME")
    options.add_templates(prompted)
    deleted = actions.add("delete", "delete label sets", parents=[service])
    deleted.add_argument("name", type=options.name, nargs="+", metavar="NAME")


def _serve(whole: CommandLine) -> None:
    command = whole.add(
        "serve",
        "start the service on this machine",
        description="Start the whole service as `make run` does: Valkey, worker, API.\n"
        "It needs a checkout of the service. Settings are environment variables:\n"
        "CLIP_PORT, CLIP_MODEL and others.",
    )
    command.add_argument(
        "--checkout",
        metavar="FOLDER",
        help="the checkout of the service (default: the current folder or a parent)",
    )


def _version() -> str:
    try:
        return version("clip-api-client")
    except PackageNotFoundError:
        return "(not installed)"
