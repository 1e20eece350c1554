"""What a command must not have, so that it works as printed in any interactive shell."""

import re

QUOTED = re.compile(r"'[^']*'|\"(?:\\.|[^\"\\])*\"|\\.", re.DOTALL)
HEREDOC = re.compile(r"<<'(\w+)'\n.*?^\1$", re.DOTALL | re.MULTILINE)
COMMENT = re.compile(r"(?:^|\s)#.*")
PATTERN = re.compile(r"\S*[?*\[\]]\S*")
PLAIN = re.compile(r"(?:[\w\s./:=@,|<>-]|\\\n|'[^'!]*'|\"[^\"$`\\!]*\")*")


def is_plain(code: str) -> bool:
    """Whether a command has only words, quoted texts, pipes and files: all shells read it alike."""
    return bool(PLAIN.fullmatch(code))


def faults(code: str) -> list[str]:
    """Comments, which an interactive zsh takes for arguments, and unquoted patterns.

    A zsh refuses a pattern that matches no file, such as `localhost:3000/rank?wait=0`.
    """
    bare = QUOTED.sub("", HEREDOC.sub("", code))
    return [found.group().strip() for rule in (COMMENT, PATTERN) for found in rule.finditer(bare)]
