r"""Membership inference: does a score, such as the discriminator's logit, give away who was in the training set?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .inputs import column


@dataclass(frozen=True)
class MembershipReport:
    r"""What `membership_advantage` found.  `str()` is a small table.

    advantage   (Membership.1), 0..1: 0 leaks nothing, 1 gives everybody away
    auc         (Membership.2), 0..1: 1/2 leaks nothing
    threshold   the t of the advantage: scores of at least t are called members; inf if nobody should be
    floor       (Membership.3): the advantage that chance alone finds
    n_members, n_others   how many scores
    """

    advantage: float
    auc: float
    threshold: float
    floor: float
    n_members: int
    n_others: int

    def __str__(self):
        return "\n".join(
            [
                f"advantage      {self.advantage:.3f} (by chance alone: {self.floor:.3f}; everybody given away: 1)",
                f"AUC            {self.auc:.3f} (nothing leaks: 0.5)",
                f"scores         {self.n_members} members, {self.n_others} others",
            ]
        )


def membership_advantage(member_scores: ArrayLike, other_scores: ArrayLike) -> MembershipReport:
    r"""How well a threshold on scores tells members (N,) of the training set from others (M,) of the same kind.

    The attacker calls everybody with a score of at least t a member:

    (Membership.1)   advantage = max_t TPR(t) - FPR(t),   TPR, FPR the shares of members and others with score >= t
    (Membership.2)   AUC       = P(member's score > other's) + P(equal) / 2       for a random member and a random other
    (Membership.3)   floor     = sqrt(pi/8) sqrt(1/N + 1/M)

    Members must have the *higher* scores: D's logits, or minus a distance to the nearest sample.  t = inf calls nobody,
    so the advantage is at least 0.

    Floor     (Membership.3): the best t is chosen on the very scores it is judged by, so chance finds something (it is
              the mean of the one-sided Kolmogorov-Smirnov statistic, for large N and M and scores without ties).  0.028
              for 1,000 and 1,000.  The AUC's floor is 1/2, with a standard error of sqrt((1/N + 1/M) / 12).
    Ceiling   1 and 1, when every member outscores every other.
    Blind to  better attacks: a small advantage is no proof of privacy.  Averages hide the few: an outlier may be given
              away although most are safe.  If members and others are not of one kind (another class mix, another
              source), it measures that difference and not memory.
    Errors    ValueError unless both are numbers (N,) or (N, 1), not empty and finite.
    Sources   Yeom et al. 2018 for the advantage; Hayes et al. 2019 (LOGAN) for D's score.
    """
    members = np.sort(column("membership_advantage", "member_scores", member_scores))
    others = np.sort(column("membership_advantage", "other_scores", other_scores))
    N, M = len(members), len(others)
    t = np.unique(np.concatenate([members, others]))
    gain = (N - np.searchsorted(members, t)) / N - (M - np.searchsorted(others, t)) / M
    best = int(gain.argmax())
    below, up_to = np.searchsorted(others, members, side="left"), np.searchsorted(others, members, side="right")
    return MembershipReport(
        advantage=max(0.0, float(gain[best])),
        auc=float((below + up_to).sum() / (2 * N * M)),
        threshold=float(t[best]) if gain[best] > 0 else math.inf,
        floor=math.sqrt(math.pi / 8 * (1 / N + 1 / M)),
        n_members=N,
        n_others=M,
    )
