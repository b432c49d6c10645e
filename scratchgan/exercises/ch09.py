"""Chapter 09, conditional GANs: labels as inputs of G and D, the projection discriminator, classifiers, InfoGAN's bound."""

from __future__ import annotations

import numpy as np

from .exercise import Exercise


def _densities(rng):
    p, q = rng.random((2, 3, 5)) + 0.05
    share = np.array([0.5, 0.3, 0.2])
    return {"p": p, "q": q, "share": rng.permutation(share)}


def _odd_densities():
    """Two labels of very unequal shares; and one label, which makes both discriminators the same."""
    p, q = np.array([[1.0, 2.0, 0.5], [3.0, 0.25, 1.0]]), np.array([[1.0, 1.0, 4.0], [0.5, 2.0, 1.0]])
    return [
        {"p": p, "q": q, "share": np.array([0.9, 0.1])},
        {"p": p[:1], "q": q[:1], "share": np.array([1.0])},
    ]


def _conditional_d(p, q, share):
    return p / (p + q), share @ p / (share @ p + share @ q)


def _g_input_given(rng):
    K = int(rng.integers(3, 6))
    return {"z": rng.standard_normal((6, K)), "labels": rng.integers(0, K, 6), "K": K}


def _without_the_last_label():
    """Batches without a label in the middle, the last one, all but one; then noise of another length than K."""
    z = np.linspace(-1, 1, 20).reshape(4, 5)
    batches = [{"z": z, "labels": np.array(labels), "K": 5} for labels in ([4, 1, 4, 2], [2, 0, 1, 2], [3, 3, 3, 3])]
    return [*batches, {"z": z[:, :3], "labels": np.array([1, 0, 4, 2]), "K": 6}]


def _one_hot(labels, K):
    return (labels[:, None] == np.arange(K)).astype(float)


def _g_input(z, labels, K):
    return np.concatenate([z, _one_hot(labels, K)], axis=1)


def _projection_given(rng):
    return {
        "x": rng.standard_normal((5, 4)),
        "w": rng.standard_normal((4, 1)),
        "b": rng.standard_normal(1),
        "E": rng.standard_normal((3, 4)),
        "labels": rng.permutation([2, 0, 2, 1, 2]),
    }


def _projection_edges():
    """Without the last label; as many samples as labels, each with another label."""
    rng = np.random.default_rng(0)
    given = _projection_given(rng)
    square = {**given, "x": given["x"][:3], "labels": np.array([1, 2, 0])}
    return [{**given, "labels": np.array([0, 1, 1, 0, 1])}, square]


def _projection(x, w, b, E, labels):
    return x @ w + b + (x * E[labels]).sum(axis=1, keepdims=True)


def _projection_back_given(rng):
    given = _projection_given(rng)
    del given["b"]
    return {"dy": rng.standard_normal((5, 1)), **given}


def _projection_back_edges():
    return [
        {"dy": np.array([[1.0], [-2.0], [0.5], [3.0], [-1.0]])[: len(g["x"])], **_without(g, "b")}
        for g in _projection_edges()
    ]


def _without(given, name):
    return {k: v for k, v in given.items() if k != name}


def _projection_backward(dy, x, w, E, labels):
    return dy @ w.T + dy * E[labels], x.T @ dy, _one_hot(labels, len(E)).T @ (dy * x)


def _overwritten(dy, x, w, E, labels):
    dx, dw, dE = _projection_backward(dy, x, w, E, labels)
    dE = np.zeros_like(dE)
    dE[labels] += dy * x  # NumPy keeps the last of equal indices
    return dx, dw, dE


def _logits(rng):
    return {"logits": 2 * rng.standard_normal((6, 4)), "labels": rng.permutation([3, 0, 1, 1, 2, 3])}


def _extreme_logits():
    """Logits whose exponentials overflow or vanish; a batch without the last label; equal logits."""
    large = np.array([[800.0, 0.0, -800.0], [-800.0, 800.0, 799.0], [-900.0, -900.0, -901.0]])
    return [
        {"logits": large, "labels": np.array([0, 2, 2])},
        {"logits": np.array([[1.0, -1.0, 0.5], [0.0, 2.0, 1.0]]), "labels": np.array([1, 0])},
        {"logits": np.zeros((4, 3)), "labels": np.array([0, 0, 1, 0])},
    ]


def _softmax(logits, axis=1):
    e = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _all_columns(logits, labels):
    p = _softmax(logits)
    p[:, labels] -= 1  # every label that occurs, in every row
    return p / len(logits)


def _overflowing(logits, labels):
    with np.errstate(all="ignore"):
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return (p - _one_hot(labels, logits.shape[1])) / len(logits)


def _cross_entropy_gradient(logits, labels):
    return (_softmax(logits) - _one_hot(labels, logits.shape[1])) / len(logits)


def _codes(rng):
    p_c = rng.permutation([0.2, 0.5, 1.0]) + 0.1 * rng.random(3)  # never nearly equal
    p_x = rng.random((3, 5)) + 0.05
    guess = rng.random((5, 3)) + 0.05
    return {
        "p_c": p_c / p_c.sum(),
        "p_x": p_x / p_x.sum(axis=1, keepdims=True),
        "guess": guess / guess.sum(axis=1, keepdims=True),
    }


def _guessed(p_c, p_x, guess):
    return float(np.sum(p_c[:, None] * p_x * np.log(guess.T)))


def _entropy(p_c):
    return -float(np.sum(p_c * np.log(p_c)))


EXERCISES = [
    Exercise(
        "09.conditional_d",
        "The optimal D that gets the label, D*(x|l), and the optimal D that does not, D*(x).",
        _conditional_d,
        _densities,
        ("with_label", "without_label"),
        {
            "without_label: that is the mean of D*(x|l) over the labels.  A D without the label compares the mixtures of "
            "the densities over all labels.": lambda p, q, share: (p / (p + q), share @ (p / (p + q))),
            "without_label: the classes are not equally frequent.  Weight each with its share.": lambda p, q, share: (
                p / (p + q),
                p.sum(0) / (p.sum(0) + q.sum(0)),
            ),
            "with_label: real samples and fakes of a label have the same share, so it cancels in the fraction.": lambda p, q, share: (
                share[:, None] * p / (share[:, None] * p + q),
                _conditional_d(p, q, share)[1],
            ),
            "The two are in the wrong order: first the D that gets the label, (K, M), then the one that does not.": lambda p, q, share: (
                _conditional_d(p, q, share)[::-1]
            ),
            "with_label: that is the probability of a fake: p, the density of real samples, belongs in the numerator.": lambda p, q, share: (
                q / (p + q),
                _conditional_d(p, q, share)[1],
            ),
            "with_label: that compares one class of p with the fakes of all classes.  The fakes that D gets with a label "
            "were generated for that label.": lambda p, q, share: (p / (p + share @ q), _conditional_d(p, q, share)[1]),
        },
        about="(Conditional.1)",
        edges=_odd_densities,
    ),
    Exercise(
        "09.g_input",
        "The input of G: the noise z (N, Z), followed by the one-hot labels; (N, Z + K).",
        _g_input,
        _g_input_given,
        ("input",),
        {
            "You put the one-hot labels before the noise; the noise should come first.": lambda z, labels, K: (
                np.concatenate([_one_hot(labels, K), z], axis=1)
            ),
            "You appended the label as a number, not one-hot: that would mean that class 7 is more than class 3 and lies "
            "between 6 and 8.": lambda z, labels, K: np.concatenate([z, labels[:, None]], axis=1),
            "The ones are in the wrong columns: labels start at 0.": lambda z, labels, K: np.concatenate(
                [z, _one_hot((labels - 1) % K, K)], axis=1
            ),
            "The one-hot part is only as wide as the largest label of this batch.  It needs K columns, whatever the batch.": lambda z, labels, K: (
                np.concatenate([z, _one_hot(labels, labels.max() + 1)], axis=1)
            ),
            "The one-hot part has a column for each label that occurs in this batch.  It needs K columns.": lambda z, labels, K: (
                np.concatenate([z, (labels[:, None] == np.unique(labels)).astype(float)], axis=1)
            ),
            "You joined them along the wrong axis: the noise and the label of a sample belong in the same row.": lambda z, labels, K: (
                np.concatenate([z, _one_hot(labels, K)])
            ),
        },
        about='the section "How $G$ is told"',
        edges=_without_the_last_label,
    ),
    Exercise(
        "09.projection",
        "The logit (N, 1) of a projection discriminator, from features x (N, F) and labels (N,).",
        _projection,
        _projection_given,
        ("y",),
        {
            "The part that does not depend on the label is missing: D needs it to reject an x that looks like no class.": lambda x, w, b, E, labels: (
                (x * E[labels]).sum(axis=1, keepdims=True)
            ),
            "The logit does not depend on the label yet.": lambda x, w, b, E, labels: x @ w + b,
            "The bias is missing.": lambda x, w, b, E, labels: _projection(x, w, 0 * b, E, labels),
            "That is the inner product of x with every label's row of E.  Each sample needs only the row of its own label.": lambda x, w, b, E, labels: (
                x @ w + b + x @ E.T
            ),
            "You averaged the product over the features: an inner product is a sum.": lambda x, w, b, E, labels: (
                x @ w + b + (x * E[labels]).mean(axis=1, keepdims=True)
            ),
            "You summed the product over the batch: each sample has its own logit.": lambda x, w, b, E, labels: (
                x @ w + b + (x * E[labels]).sum()
            ),
        },
        about="(Projection.1)",
        edges=_projection_edges,
    ),
    Exercise(
        "09.projection_backward",
        "dx (N, F), dw (C, 1) and dE (K, C) of the projection, from dy (N, 1).",
        _projection_backward,
        _projection_back_given,
        ("dx", "dw", "dE"),
        {
            "dx: the term with the label's row of E is missing.  x occurs twice, in x w and in the product with e.": lambda dy, x, w, E, labels: (
                dy @ w.T,
                *_projection_backward(dy, x, w, E, labels)[1:],
            ),
            "dx: the term with w is missing.  x occurs twice, in x w and in the product with e.": lambda dy, x, w, E, labels: (
                dy * E[labels],
                *_projection_backward(dy, x, w, E, labels)[1:],
            ),
            "dE: samples of the same label overwrote each other.  Their gradients add up.": _overwritten,
            "dE: you have one row per sample.  The table E has one row per label.": lambda dy, x, w, E, labels: (
                *_projection_backward(dy, x, w, E, labels)[:2],
                dy * x,
            ),
            "dE has only as many rows as the labels of this batch need.  It has the shape of E, whatever the batch.": lambda dy, x, w, E, labels: (
                *_projection_backward(dy, x, w, E, labels)[:2],
                _one_hot(labels, labels.max() + 1).T @ (dy * x),
            ),
            "dw has a column for each sample: sum over the batch, x^T dy.": lambda dy, x, w, E, labels: (
                _projection_backward(dy, x, w, E, labels)[0],
                x.T * dy.T,
                _projection_backward(dy, x, w, E, labels)[2],
            ),
            "dE is divided by N, but a layer sums over the batch: the 1/N is already in the loss.": lambda dy, x, w, E, labels: (
                *_projection_backward(dy, x, w, E, labels)[:2],
                _projection_backward(dy, x, w, E, labels)[2] / len(x),
            ),
        },
        about="(Projection.2)",
        edges=_projection_back_edges,
    ),
    Exercise(
        "09.cross_entropy_gradient",
        "dL/dlogits (N, K) of the softmax cross-entropy, averaged over the batch.",
        _cross_entropy_gradient,
        _logits,
        ("d_logits",),
        {
            "A factor 1/N is missing: the loss is a mean over the batch.": lambda logits, labels: (
                len(logits) * _cross_entropy_gradient(logits, labels)
            ),
            "The sign is wrong: a step against the gradient must increase the logit of the right class.": lambda logits, labels: (
                -_cross_entropy_gradient(logits, labels)
            ),
            "You took the softmax over the batch: the probabilities of the classes of *one sample* sum to 1.": lambda logits, labels: (
                (_softmax(logits, 0) - _one_hot(labels, logits.shape[1])) / len(logits)
            ),
            "Only the entry of the right class is non-zero, but log-sum-exp depends on all logits.": lambda logits, labels: (
                _cross_entropy_gradient(logits, labels) * _one_hot(labels, logits.shape[1])
            ),
            "`p[:, labels] -= 1` subtracts 1 in every row for every label of the batch.  Each row has one label: p[n, labels[n]].": _all_columns,
            "For large logits exp overflows: subtract the largest logit of each row first.  It changes no probability.": _overflowing,
            "The 1 of the right class is not subtracted yet: what you have is the softmax, divided by N.": lambda logits, labels: (
                _softmax(logits) / len(logits)
            ),
            "Logits are not probabilities: the softmax is missing.": lambda logits, labels: (
                (logits - _one_hot(labels, logits.shape[1])) / len(logits)
            ),
        },
        about="(CrossEntropy.2)",
        edges=_extreme_logits,
    ),
    Exercise(
        "09.information_bound",
        "InfoGAN's bound L_I in nats, from tables of p(c), p(x|c) and an estimate Q(c|x).",
        lambda p_c, p_x, guess: _guessed(p_c, p_x, guess) + _entropy(p_c),
        _codes,
        ("bound",),
        {
            "H(c) is missing: it is the uncertainty about c before x is known.": _guessed,
            "H(c) has the wrong sign: an entropy is *minus* the mean of log p, and positive.": lambda p_c, p_x, guess: (
                _guessed(p_c, p_x, guess) - _entropy(p_c)
            ),
            "H(c) is log K only if all codes are equally frequent.  In general it is -sum p(c) log p(c).": lambda p_c, p_x, guess: (
                _guessed(p_c, p_x, guess) + float(np.log(len(p_c)))
            ),
            "The mean over c and x needs their joint probability p(c) p(x|c); p(c) is missing.": lambda p_c, p_x, guess: (
                _guessed(np.ones_like(p_c), p_x, guess) + _entropy(p_c)
            ),
            "That is in bits: use the natural logarithm.": lambda p_c, p_x, guess: (
                (_guessed(p_c, p_x, guess) + _entropy(p_c)) / np.log(2)
            ),
            "Take the mean of log Q, not the log of the mean of Q.": lambda p_c, p_x, guess: (
                np.log(np.sum(p_c[:, None] * p_x * guess.T)) + _entropy(p_c)
            ),
        },
        about="(Infogan.1)",
    ),
]
