"""The hub's own safetensors conversion, for repositories that have pickled weights only.

Many old repositories never merged the pull request in which the hub's bot proposes the same weights
as safetensors. The hub converted them, so that no pickle is loaded here.
"""

from huggingface_hub import get_paths_info, get_repo_discussions
from huggingface_hub.hf_api import RepoFile

BOT = "SFconvertbot"
PICKLED = "pytorch_model.bin"
SAFE = "model.safetensors"


def proposed_conversion(name: str, commit: str) -> str | None:
    """The revision (`refs/pr/N`) in which the hub's bot converts the weights of this commit.

    Raises:
        huggingface_hub.errors.HfHubHTTPError, httpx2.HTTPError: the hub does not answer.
    """
    pickled = _sha256(name, commit, PICKLED)
    if pickled is None:
        return None
    proposals = get_repo_discussions(
        name, author=BOT, discussion_type="pull_request", discussion_status="open"
    )
    # Anyone may open a pull request: it must be the bot's, and of the same weights.
    revisions = [each.git_reference for each in proposals if each.author == BOT]
    for revision in filter(None, revisions):
        if _sha256(name, revision, SAFE) and _sha256(name, revision, PICKLED) == pickled:
            return revision
    return None


def _sha256(name: str, revision: str, path: str) -> str | None:
    """The digest of a large file; None if there is no such file."""
    for found in get_paths_info(name, [path], revision=revision):
        if isinstance(found, RepoFile) and found.lfs:
            return found.lfs.sha256
    return None
