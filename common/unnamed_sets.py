"""Label sets without a name: lists of candidates that callers send over and over.

An owner has so many at most, and each is kept for as long as jobs may need it after it was used
last. Its version is the whole digest of its content: callers without keys share one owner, and
nobody shall be able to make two lists of one version. Embeddings, and what jobs need, are read and
written through `common.label_sets`.
"""

from redis import Redis

from common.jobs import load_script
from common.label_sets import UNNAMED, LabelContent, LabelSetVersion, digest_of_name

MOST_BYTES = 1 << 20
"""Of a set's content. A list of a thousand labels has a hundredth of this."""


class UnnamedSets:
    """The unnamed label sets in one Redis.

    An owner has `most` at most; each is kept for `ttl_s` after its last use. Every method raises
    redis.exceptions.RedisError when Redis is away.
    """

    def __init__(self, redis: Redis, *, most: int, ttl_s: int) -> None:
        self.most = most
        self._ttl_s = ttl_s
        self._keep = load_script(redis, "labels", "label_keep")
        self._use = load_script(redis, "labels", "label_use")

    def keep(self, owner: str, content: LabelContent) -> LabelSetVersion | None:
        """Store content, for embeddings to be added; None when it or the owner has too much."""
        raw = content.as_json()
        if len(raw) > MOST_BYTES:
            return None
        of = LabelSetVersion(UNNAMED, content.digest)
        told = (owner, of.name, of.version, raw, self.most, self._ttl_s)
        return of if self._keep(args=told) else None

    def use(self, owner: str, of: LabelSetVersion, model: str) -> bool:
        """Keep a set for as long again; False when it lacks embeddings by a model of this name.

        An empty name asks for those of any model.
        """
        prefix = digest_of_name(model) if model else ""
        return bool(self._use(args=[owner, of.name, of.version, prefix, self._ttl_s]))
