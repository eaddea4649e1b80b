"""Several credit bureaus asked at once, merged into the facts that a decision reads.

The merge is the prudent one: the lowest score, and of every adverse fact the worst. That a fact is
absent is known only when every bureau said so: with a bureau missing, a clean value (not listed,
zero) is unknown and not clean, while an adverse value that one bureau reported stands.
"""

from collections.abc import Mapping

from domain.common.data import Data


class BureauFile(Data):
    """What one bureau knows: a score from 300 (worst) to 1000, and counts as it reported them."""

    score: int
    overdue_history: int
    lenders_queried_30d: int
    blacklisted: bool


class MergedBureaus(Data):
    """The merged facts (None: not known), each file under its source, and who did not answer."""

    score: int | None
    overdue_history: int | None
    lenders_queried_30d: int | None
    blacklisted: bool | None
    files: dict[str, BureauFile]
    missing: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every bureau that was asked gave a file."""
        return not self.missing

    @property
    def score_spread(self) -> int | None:
        """How far the bureaus' scores lie apart; None with fewer than two."""
        scores = [file.score for file in self.files.values()]
        return max(scores) - min(scores) if len(scores) > 1 else None


def merge_bureaus(answers: Mapping[str, BureauFile | None]) -> MergedBureaus:
    """Merge the answers by source; None is a bureau that was asked and has no file or is down.

    Raises ValueError if nobody was asked.
    """
    if not answers:
        raise ValueError("a merge needs at least one bureau that was asked")
    files = {source: file for source, file in sorted(answers.items()) if file is not None}
    missing = tuple(sorted(source for source, file in answers.items() if file is None))
    known = list(files.values())
    return MergedBureaus(
        score=min((file.score for file in known), default=None),
        overdue_history=_worst([file.overdue_history for file in known], missing),
        lenders_queried_30d=_worst([file.lenders_queried_30d for file in known], missing),
        blacklisted=True if any(file.blacklisted for file in known) else _absence(missing),
        files=files,
        missing=missing,
    )


def _worst(counts: list[int], missing: tuple[str, ...]) -> int | None:
    """Return the largest count; zero counts only if no bureau is missing."""
    largest = max(counts, default=0)
    return largest if largest > 0 or not missing else None


def _absence(missing: tuple[str, ...]) -> bool | None:
    return None if missing else False
