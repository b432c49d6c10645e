r"""Membership inference: does a score, such as D's logit, reveal which samples were in the training set?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .inputs import column


@dataclass(frozen=True)
class MembershipReport:
    r"""What `membership_advantage` found.  `str()` is a small table.

    advantage   (Membership.1), 0..1: 0 if nothing leaks, 1 if all members are identified
    auc         (Membership.2), 0..1: 1/2 if nothing leaks
    threshold   the best t: samples with a score of at least t are called members; inf if the advantage is 0
    floor       (Membership.3): the advantage to be expected by chance
    n_members, n_others   the numbers of scores
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
                f"advantage      {self.advantage:.3f} (by chance alone: {self.floor:.3f}; all identified: 1)",
                f"AUC            {self.auc:.3f} (nothing leaks: 0.5)",
                f"scores         {self.n_members} members, {self.n_others} others",
            ]
        )


def membership_advantage(member_scores: ArrayLike, other_scores: ArrayLike) -> MembershipReport:
    r"""How well a threshold on scores separates members (N,) of the training set from others (M,) of the same kind.

    The attacker calls every sample with a score of at least t a member:

    (Membership.1)   advantage = max_t TPR(t) - FPR(t),   TPR, FPR the shares of members and others with score >= t
    (Membership.2)   AUC       = P(member's score > other's) + P(equal) / 2,    for a random member and a random other
    (Membership.3)   floor     = sqrt(pi/8) sqrt(1/N + 1/M)

    *Higher* scores must mean members: D's logits, or minus the distance to the nearest generated sample.  t = inf calls
    no sample a member, so the advantage is at least 0.

    Floor     (Membership.3): t is optimised on the same scores that the advantage is computed from, so it is above 0 by
              chance (this is the mean of the one-sided Kolmogorov-Smirnov statistic, for large N and M and no ties).
              0.028 for 1,000 and 1,000.  The floor of the AUC is 1/2, with standard error sqrt((1/N + 1/M) / 12).
    Ceiling   1 and 1, if every member has a higher score than every other sample.
    Blind to  better attacks: a small advantage does not prove privacy.  Rare cases: an outlier may be identified
              although most members are safe.  If members and others differ in kind (class proportions, source), it
              measures this difference and not memorisation.
    Errors    ValueError unless both are finite numbers (N,) or (N, 1), not empty.
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
