"""Where a repository of the hub has pickled weights only: the hub's own conversion of them.

Many an old repository never merged the pull request in which the hub's bot proposes the same
weights as safetensors. Made from the pickle by the hub, they run no code here.
"""

from huggingface_hub import get_paths_info, get_repo_discussions
from huggingface_hub.hf_api import RepoFile

BOT = "SFconvertbot"
PICKLED = "pytorch_model.bin"
SAFE = "model.safetensors"


def proposed_conversion(name: str, commit: str) -> str | None:
    """The revision (`refs/pr/N`) in which the hub's bot converts the very weights of a commit.

    Raises:
        huggingface_hub.errors.HfHubHTTPError, httpx2.HTTPError: the hub does not answer.
    """
    pickled = _sha256(name, commit, PICKLED)
    if pickled is None:
        return None
    proposals = get_repo_discussions(
        name, author=BOT, discussion_type="pull_request", discussion_status="open"
    )
    # Anybody may open a pull request: it must be the bot's, and of these weights.
    revisions = [each.git_reference for each in proposals if each.author == BOT]
    for revision in filter(None, revisions):
        if _sha256(name, revision, SAFE) and _sha256(name, revision, PICKLED) == pickled:
            return revision
    return None


def _sha256(name: str, revision: str, path: str) -> str | None:
    """The digest of a large file, None where there is none."""
    for found in get_paths_info(name, [path], revision=revision):
        if isinstance(found, RepoFile) and found.lfs:
            return found.lfs.sha256
    return None
