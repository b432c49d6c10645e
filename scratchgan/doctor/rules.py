r"""What can go wrong in a game, and by which numbers each fault is recognised.

Most rules look at medians over the last third of the log, so that one bad batch is not a fault.  A rule returns a
`Finding` or None.  The signals and their labels are defined in `scratchgan.doctor.signals`, all thresholds in
THRESHOLDS.

    divergence       a loss is not finite, or logits or updates are far too large
    dead units       nearly all hidden units of a net, or all of a layer, pass no gradient; or the loss has a gradient
                     at the fakes (slope), but G's gradient is 0
    overfitting      D's logits of held-out examples are like those of fakes (memorised), or fakes are nearer to
                     training examples than those are to each other (copied)
    D too weak       fakes clearly differ from the data (neighbour), but D hardly ranks them below real samples
                     (separation)
    G's gradient vanished    D separates, and the *loss* of G has no gradient (slope near 0): minimax with a D that is
                     sure
    oscillation      D's lead (separation) swings repeatedly between winning and losing
    mode collapse    all fakes are alike (diversity), or they cover only part of the data (uncovered without stray)
    D saturated      D separates every pair at a loss near 0; G's loss has a gradient, but G does not come nearer

In "G's gradient vanished" and in "D saturated" D has won; only the slope distinguishes the two.

Likely causes come first, in the order of the list above.  Numbers that are not finite explain everything else; dead
units cannot learn; a D that has memorised its examples, or has learned nothing, cannot teach G; a G without a gradient
cannot spread out.  Oscillation comes before collapse, since a G that runs from place to place is in one place at a
time.  One pair can change places: D saturated comes before mode collapse if G's samples were never much more diverse
than they are now and G's largest update was smaller than D's (G was left behind where it started).  Otherwise G
collapsed first, and then D separates the fakes easily because they are all alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .advice import Accepts, Advice, advice
from .finding import Finding, Signal, largest, since, swings
from .records import Log, median, smooth

DIVERGENCE, DEAD, OVERFITTING, WEAK = "divergence", "dead units", "overfitting", "D too weak"
VANISHED, OSCILLATION, COLLAPSE, SATURATED = "G's gradient vanished", "oscillation", "mode collapse", "D saturated"
#: likely causes first
FAULTS = (DIVERGENCE, DEAD, OVERFITTING, WEAK, VANISHED, OSCILLATION, COLLAPSE, SATURATED)
#: ways that several rules propose: see doctor/advice.py.  A penalty needs a D without BatchNorm
PENALTY = "penalty?=r1 | penalty?=r1 d_norm=layer"
CRITIC = PENALTY.replace("r1", "wgan-gp")
SMALLER = ("d_width/2", "width/2", "hidden/2")


class Threshold(NamedTuple):
    """The value of a threshold, and the reason for it."""

    value: float
    reason: str


THRESHOLDS = {
    "records": Threshold(12, "with fewer, the last third has less than four records, and its median is mostly noise"),
    "logit": Threshold(1000, "ten times 104: in float32 sigmoid is exactly 1 from 17 on, and exactly 0 below -104"),
    "update": Threshold(0.5, "an update of half the weights' norm leaves nothing of what was learned"),
    "dead": Threshold(0.8, "nets with 60 % dead units still reached all modes of the ring; with 80 % none did"),
    "dead_layer": Threshold(0.98, "a dead layer blocks the gradient of all layers before it; 2 % for stray samples"),
    "pull": Threshold(0.1, "a loss with a tenth of the largest slope, 1, is not the reason for a gradient of 0"),
    "blocked": Threshold(1e-7, "the rounding error of float32, relative to a gradient of order 1"),
    "memorised": Threshold(0.6, "more like a fake than like a training example; 1,600 digits gave 0.3, 40 digits 1.2"),
    "lead": Threshold(0.6, "below it D has no lead that could come from memory: (Signals.8) divides by the lead"),
    "copied": Threshold(0.7, "new examples give 1, a healthy run on 400 digits 1.4, a run on 30 digits 0.5"),
    "behind": Threshold(0.65, "the most that a D that only guesses reaches in a batch of 64, to 3 sigma"),
    "patience": Threshold(300, "steps: before that neither player has learned anything, and D may well be behind"),
    "apart": Threshold(0.9, "nearest neighbours classify nine of ten samples correctly: any working D must, too"),
    "slope": Threshold(0.1, "for minimax, which has the slope D(G(z)): a tenth of the non-saturating loss's slope"),
    "winning": Threshold(0.75, "D ranks three of four pairs correctly: clearly ahead"),
    "losing": Threshold(0.35, "D ranks two of three pairs wrongly: G has overtaken it"),
    "swings": Threshold(4, "one or two occur when a game starts or is decided; healthy runs had no more"),
    "diversity": Threshold(0.25, "fakes are a quarter as far apart as real samples: one mode of four or fewer"),
    "alike": Threshold(0.01, "fakes a hundredth as far apart as real samples have collapsed, even if they move"),
    "rising": Threshold(1.25, "samples a quarter more diverse than a third of the run earlier: G is still improving"),
    "uncovered": Threshold(0.35, "a third of the way from full coverage to all fakes in one place"),
    "partial": Threshold(0.2, "fakes are this much nearer to data than data to fakes: realistic, but too few kinds"),
    "sure": Threshold(0.995, "D ranks 199 of 200 pairs correctly"),
    "d_loss": Threshold(0.1, "a fourteenth of 2 log 2: probabilities of 0.95 for the truth; little left to learn"),
    "nearer": Threshold(0.9, "fakes that come a tenth nearer within a third of the run: G still improves"),
    "fall": Threshold(2.0, "samples that were once twice as diverse: G had begun to spread out, and then collapsed"),
}


def limit(name: str) -> float:
    """The value of the threshold called `name`."""
    return THRESHOLDS[name].value


def findings(log: Log, accepts: Accepts | None = None) -> list[Finding]:
    """All faults that the log shows, likely causes first; only divergence for logs shorter than "records".

    accepts   which changes the recipe accepts, see `doctor.advice`: the findings propose no others
    """
    found = [
        finding for rule in (RULES if len(log) >= limit("records") else RULES[:1]) if (finding := rule(log)) is not None
    ]
    order = {fault: place for place, fault in enumerate(FAULTS)}
    if {COLLAPSE, SATURATED} <= {finding.fault for finding in found} and left_behind(log):
        order[SATURATED], order[COLLAPSE] = order[COLLAPSE], order[SATURATED]
    found.sort(key=lambda finding: order[finding.fault])
    return [finding.within(accepts) for finding in found]


def left_behind(log: Log) -> bool:
    """Whether G was never twice as diverse as now, and its largest update was smaller than D's."""
    diversity = smooth(log["diversity"])
    once, now = largest(diversity), log.median("diversity")
    d, g = largest(log["d_update"]), largest(log["g_update"])
    return not once > limit("fall") * now and not g >= d


def divergence(log: Log) -> Finding | None:
    """A loss is not finite, or logits or updates are far too large."""
    tries: tuple[Advice, ...] = (
        advice("lower both learning rates tenfold", "lr_g/10 lr_d/10"),
        advice("the size of Adam's updates is bounded for any gradient", "optimizer=adam"),
    )
    if log.broken is not None:
        step, keys = log.broken
        signals = tuple(Signal(key, "", math.nan) for key in ("d_loss", "g_loss"))
        return Finding(DIVERGENCE, (f"{' and '.join(keys)} not finite at step {step:,}",), signals, step, tries)
    if log.facts is not None and log.facts.needs_constraint:
        tries = (advice("without a constraint a critic's outputs grow without bound", CRITIC, "clip?=0.01"), *tries)
    for key in ("fake_logit", "real_logit"):
        if (size := median(np.abs(log[key][log.window()]))) > limit("logit"):
            return Finding(
                DIVERGENCE,
                (
                    f"the mean {key.replace('_', ' ')} has an absolute value of {size:.3g} (above "
                    f"{limit('logit'):g}, where a probability is exactly 0 or 1)",
                ),
                (Signal(key, "logit", size),),
                since(log, np.abs(log[key]) > limit("logit")),
                tries,
            )
    for key, net in (("g_update", "G"), ("d_update", "D")):
        if (size := log.median(key)) > limit("update"):
            return Finding(
                DIVERGENCE,
                (f"each step moves {net}'s weights by {size:.0%} of their norm (above {limit('update'):.0%})",),
                (Signal(key, "update", size),),
                since(log, log[key] > limit("update")),
                tries,
            )
    return None


def dead_units(log: Log) -> Finding | None:
    """Units pass no gradient, or the gradient of the loss does not reach G's weights."""
    for net in ("g", "d"):
        name = net.upper()
        tries = (
            advice("one update that is too large can kill units permanently", f"lr_{net}/10 | lr_g/10 lr_d/10"),
            advice("start a new run: dead units stay dead"),
            advice("in nets of your own, LeakyReLU in place of ReLU: it never blocks a gradient"),
        )
        for key, threshold, words in (
            (f"{net}_dead", "dead", f"{name}'s hidden units"),
            (f"{net}_dead_worst", "dead_layer", f"the units of {name}'s worst layer"),
        ):
            if (share := log.median(key)) >= limit(threshold):
                return Finding(
                    DEAD,
                    (f"{share:.0%} of {words} pass no gradient (a fault from {limit(threshold):.0%} on)",),
                    (Signal(key, threshold, share), Signal(f"{net}_grad", "", log.median(f"{net}_grad"))),
                    since(log, log[key] >= limit(threshold)),
                    tries,
                )
    slope, norm = log.median("slope"), log.median("g_grad")
    if slope >= limit("pull") and norm <= limit("blocked"):
        return Finding(
            DEAD,
            (
                f"the loss has a gradient at the fakes (slope {slope:.2g}), but G's gradient is {norm:.2g}: it is "
                "blocked by units that are saturated or never active",
            ),
            (Signal("g_grad", "blocked", norm, False), Signal("slope", "pull", slope)),
            since(log, log["g_grad"] <= limit("blocked")),
            tries,
        )
    return None


def overfitting(log: Log) -> Finding | None:
    """D has memorised its examples, or G has learned to repeat them."""
    tries = (
        advice("more data: nothing helps as much"),
        advice("stop before the signal rises", "steps/2"),
        advice("smaller nets remember less", *SMALLER),
        advice("it limits D's gradient at the examples", PENALTY),
        advice("with noise D is never given the same example twice", "instance_noise?=0.1"),
    )
    memory, lead = log.median("memorised"), log.median("separation")
    if memory > limit("memorised") and lead > limit("lead"):
        return Finding(
            OVERFITTING,
            (
                f"D judges held-out examples like fakes: their logits are {memory:.2f} of the way from "
                f"training examples to fakes (above {limit('memorised'):g})",
            ),
            (Signal("memorised", "memorised", memory), Signal("separation", "lead", lead)),
            since(log, log["memorised"] > limit("memorised")),
            tries,
        )
    if (ratio := log.median("copied")) < limit("copied"):
        return Finding(
            OVERFITTING,
            (
                f"fakes are {ratio:.2f} times as far from the nearest training example as those "
                f"are from each other (below {limit('copied'):g}; new examples: 1): G repeats "
                "examples that D has memorised",
            ),
            (Signal("copied", "copied", ratio, False), Signal("separation", "", lead)),
            since(log, log["copied"] < limit("copied")),
            tries,
        )
    return None


def d_too_weak(log: Log) -> Finding | None:
    """D can hardly distinguish fakes from real samples, although they clearly differ."""
    lead = log["separation"][log.window()]
    most = float(np.nanquantile(lead, 0.9)) if np.isfinite(lead).any() else math.nan
    apart = log.median("neighbour")
    unlike = apart > limit("apart") and _off(log) > limit("uncovered")
    if not (most < limit("behind") and unlike and log.steps[-1] >= limit("patience")):
        return None
    return Finding(
        WEAK,
        (
            f"nearest neighbours tell fakes from real samples in {apart:.0%} of cases, but D ranks only "
            f"{median(lead):.0%} of pairs correctly (nine of ten batches below {limit('behind'):.0%}; "
            "guessing: 50 %)",
        ),
        (Signal("separation", "behind", median(lead), False), Signal("neighbour", "apart", apart)),
        since(log, log["separation"] < limit("behind")),
        (
            advice("D must learn faster than G", "lr_d*2"),
            advice("D has more updates for each of G", "d_steps*2"),
            advice("larger nets: D can see more", "width*2", "hidden*2"),
            advice("more steps, if D has just begun to improve", "steps*2"),
        ),
    )


def gradient_vanished(log: Log) -> Finding | None:
    """D separates fakes from real samples, and G's loss itself has hardly any gradient."""
    slope, lead = median(log.slopes[log.window()]), log.median("separation")
    if not log.has("separation"):  # an old log
        lead = 1.0 if log.median("d_fake") < 0.5 else math.nan
    if not (slope < limit("slope") and lead > limit("winning")):
        return None
    return Finding(
        VANISHED,
        (
            f"G's loss has a slope of {slope:.2g} at the fakes (below {limit('slope'):g}), because D "
            "is sure that they are fakes; little or no gradient is left for G",
        ),
        (
            Signal("slope" if log.has("slope") else "d_fake", "slope", slope, False),
            Signal("g_grad", "", log.median("g_grad")),
        ),
        since(log, log.slopes < limit("slope")),
        (
            advice("the same game, but its slope is 1 - D(G(z))", "loss=non-saturating"),
            advice("D has run ahead of G", "lr_d/2", "lr_g*2"),
            advice("with noise, real samples and fakes overlap, and D cannot be sure", "instance_noise?=0.1"),
        ),
    )


def oscillation(log: Log) -> Finding | None:
    """D and G are ahead in turn."""
    start = log.window(0.25)
    lead, offset = log["separation"][start], start.start
    key, high, low = "separation", "winning", "losing"
    turns = swings(lead, limit(low), limit(high))
    if len(turns) < limit("swings"):
        return None
    return Finding(
        OSCILLATION,
        (
            f"D's lead swings: {len(turns)} times between more than {limit(high):.0%} and less "
            f"than {limit(low):.0%} of pairs ranked correctly (healthy: fewer than "
            f"{limit('swings'):g} times)",
        ),
        (
            Signal(key, high, float(np.nanmax(lead))),
            Signal(key, low, float(np.nanmin(lead)), False),
            Signal("diversity", "", log.median("diversity")),
        ),
        int(log.steps[offset + turns[0]]),
        (
            advice("momentum makes a game oscillate", "beta1=0", "momentum=0"),
            advice("a critic needs a constraint", CRITIC)
            if log.facts is not None and log.facts.needs_constraint
            else advice("it damps the rotation", PENALTY),
            advice("lower both learning rates", "lr_g/2 lr_d/2"),
            advice("the players come to rest, or G's weights are averaged", "lr_schedule?=linear", "ema_decay?=0.99"),
        ),
    )


def mode_collapse(log: Log) -> Finding | None:
    """All fakes are alike, or they are realistic but cover only part of the data."""
    tries = (
        advice("D must react before G has moved all samples to one place", "lr_g/2", "lr_d*2"),
        advice("D can then detect that samples are alike", "minibatch?=std", "packing?=2"),
        advice("G takes D's next updates into account", "unroll?=5"),
        advice("the game rotates less", PENALTY, "beta1<0.5"),
    )
    spread, before = log.median("diversity"), log.median("diversity", 1 / 3, 2 / 3)
    on_its_way = spread > limit("rising") * before or _coming_nearer(log)
    if spread < limit("alike") or (spread < limit("diversity") and not on_its_way):
        return Finding(
            COLLAPSE,
            (f"fakes are {spread:.2g} times as far apart as real samples (below {limit('diversity'):g})",),
            (
                Signal("diversity", "diversity", spread, False),
                Signal("uncovered", "uncovered", log.median("uncovered")),
            ),
            since(log, log["diversity"] < limit("diversity")),
            tries,
        )
    uncovered, stray = log.median("uncovered"), log.median("stray")
    if uncovered > limit("uncovered") > stray and uncovered - stray > limit("partial") and not _coming_nearer(log):
        return Finding(
            COLLAPSE,
            (
                f"fakes are near data (stray {stray:.2f}), but much of the data has no fake near it "
                f"(uncovered {uncovered:.2f}, above {limit('uncovered'):g}): G covers only a part",
            ),
            (Signal("uncovered", "uncovered", uncovered), Signal("stray", "", stray)),
            since(log, log["uncovered"] > limit("uncovered")),
            tries,
        )
    return None


def d_saturated(log: Log) -> Finding | None:
    """D has won, its loss is near 0, and the fakes do not come nearer to the data."""
    loss = log.facts
    if loss is not None and loss.needs_constraint:
        return None  # a critic is meant to separate, and its loss has no minimum
    lead, d_loss = log.median("separation"), log.median("d_loss")
    if not log.has("separation"):  # an old log
        lead = 1.0 if log.median("d_real") > 0.95 and log.median("d_fake") < 0.05 else math.nan
    slope = median(log.slopes[log.window()])
    if not (lead > limit("sure") and d_loss < limit("d_loss")) or slope < limit("slope") or _coming_nearer(log):
        return None
    sure = ""
    if loss is None or loss.gives_probability:
        sure = f"; D(x) = {log.median('d_real'):.3f}, D(G(z)) = {log.median('d_fake'):.3f}"
    return Finding(
        SATURATED,
        (
            f"D ranks {lead:.1%} of pairs correctly and has a loss of {d_loss:.2g} (below "
            f"{limit('d_loss'):g}){sure}; and fakes do not come nearer to the data",
        ),
        (
            Signal("d_loss", "d_loss", d_loss, False),
            Signal("separation", "sure", lead),
            Signal("stray", "", log.median("stray")),
        ),
        since(log, log["d_loss"] < limit("d_loss")),
        (
            advice("D has run ahead of G", "lr_d/2", "lr_g*2"),
            advice("it limits D's gradient", PENALTY),
            advice("with noise D cannot be as sure", "instance_noise?=0.1"),
            advice("smaller nets: D has more trouble", *SMALLER),
        ),
    )


RULES: tuple[Callable[[Log], Finding | None], ...] = (
    divergence,
    dead_units,
    overfitting,
    d_too_weak,
    gradient_vanished,
    oscillation,
    mode_collapse,
    d_saturated,
)


def _coming_nearer(log: Log) -> bool:
    """Whether fakes are a tenth nearer to the data, or the data to them, than a third of the run earlier."""
    return any(log.median(key) < limit("nearer") * log.median(key, 1 / 3, 2 / 3) for key in ("stray", "uncovered"))


def _off(log: Log) -> float:
    """The distance between fakes and data: the larger of (Signals.4) and (Signals.5)."""
    return largest(np.array([log.median("uncovered"), log.median("stray")]))
