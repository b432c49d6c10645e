"""Theory compared with code: which variants converge, how gradients vanish, and the ledger.

    python -m benchmarks.theory

Writes benchmarks/results/theory.json and the pictures theory_*.png:

    Dirac-GAN     which variants converge: the distance from the equilibrium after 500 and 5,000 steps (h = 0.2, from
                  (1, 1)), with simultaneous and alternating updates, compared with the statements of Mescheder et al.
                  2018; and the eigenvalues at the equilibrium, in closed form and by Hessian-vector products
    spectrum      the eigenvalues of a game of two small nets at its equilibrium, with and without R1
    vanishing     the norm of G's gradient while a new D is trained against a frozen G: both losses, three seeds, and
                  three lengths of G's previous training
    ledger        all rows

On one core this takes some minutes, most of them for vanishing gradients.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np

from scratchgan import set_num_threads
from scratchgan.files.atomic import write_text
from scratchgan.penalties import R1
from scratchgan.theory import dirac, eigenvalues, plots_theory, vanishing
from scratchgan.theory.dirac_nets import DiracNets
from scratchgan.theory.ledger import ledger, table

RESULTS = Path(__file__).parent / "results"
H, START = 0.2, (1.0, 1.0)
MODES = (("simultaneous", 1), ("alternating", 1), ("alternating", 5))

#: what Mescheder et al. 2018 state, by variant: does training with small constant steps converge?
PAPER = {
    "minimax": "no",
    "non-saturating": "not linearly",
    "WGAN": "no",
    "WGAN, clipped": "no",
    "WGAN-GP": "no",
    "instance noise": "yes",
    "R1": "yes",
    "R2": "yes",
    "consensus": "yes",
}


def verdict(norms: np.ndarray) -> str:
    """Whether distances (5001,) from the equilibrium converge: "yes" (below 1e-6), "sublinearly" (a power) or "no"."""
    if norms[-1] < 1e-6:
        return "yes"
    slope = np.log(norms[4500:].mean() / norms[450:500].mean()) / np.log(4750 / 475)
    return f"sublinearly (t^{slope:.2f})" if slope < -0.3 else "no"


def agrees(paper: str, found: str) -> bool:
    return {"yes": found == "yes", "no": found == "no", "not linearly": found != "yes"}[paper]


def dirac_table() -> list[dict]:
    rows = []
    for variant in dirac.VARIANTS.values():
        for mode, n_d in MODES:
            norms = np.linalg.norm(dirac.trajectory(variant, h=H, steps=5000, mode=mode, n_d=n_d, start=START), axis=1)
            nets = DiracNets(variant, psi=START[0], theta=START[1], h=H).trajectory(steps=500, mode=mode, n_d=n_d)
            found = verdict(norms)
            try:
                largest = max(abs(mu) for mu in dirac.update_eigenvalues(variant, H, mode, n_d))
            except ValueError:  # WGAN-GP's kink
                largest = None
            rows.append(
                {
                    "variant": variant.label,
                    "updates": mode,
                    "n_d": n_d,
                    "norm 500": float(norms[500]),
                    "norm 500 by the package's layers": float(np.linalg.norm(nets[-1])),
                    "norm 5000": float(norms[5000]),
                    "largest |mu|": largest,
                    "converges": found,
                    "paper": PAPER[variant.label],
                    "agrees": agrees(PAPER[variant.label], found),
                }
            )
    return rows


def eigenvalue_table() -> list[dict]:
    rows = []
    for variant in dirac.VARIANTS.values():
        try:
            theory = np.sort_complex(dirac.eigenvalues(variant))
        except ValueError as error:
            rows.append({"variant": variant.label, "none": str(error)})
            continue
        code = np.sort_complex(DiracNets(variant).eigenvalues())
        rows.append(
            {
                "variant": variant.label,
                "by hand": [_show(v) for v in theory],
                "package": [_show(v) for v in code],
                "largest difference": float(np.abs(code - theory).max()),
            }
        )
    return rows


def spectrum() -> dict:
    result, games = {}, {}
    for loss in ("non-saturating", "wasserstein"):
        gan, real, Z = eigenvalues.teacher_game(loss=loss)
        matrix = eigenvalues.game_jacobian(gan, real, Z)
        differences = eigenvalues.difference_jacobian(gan, partial(eigenvalues.field, gan, real, Z))
        gap = float(np.abs(matrix - differences).max())
        entry = {"weights": len(matrix), "largest gap to central differences": gap}
        for name, penalty in (("no penalty", None), ("R1, gamma = 1", R1(1.0))):
            values = eigenvalues.eigenvalues(gan, real, Z, penalty)
            moving = values[np.abs(values) > 1e-4]
            entry[name] = {
                "moving": [_show(v) for v in moving],
                "largest real part": float(moving.real.max()),
                "largest learning rate": eigenvalues.largest_step(moving),
            }
            games.setdefault(loss, {})[name] = values
        result[loss] = entry
    plots_theory.save_spectra(
        RESULTS / "theory_spectrum.png",
        games,
        title=(
            "Eigenvalues of two small nets at their equilibrium: R1 moves the complex ones to the left;\n"
            "without it the Wasserstein game only rotates"
        ),
    )
    return result


def vanishing_table() -> list[dict]:
    rows, curves = [], {}
    for before in (28, 100, 280):
        for seed in range(3):
            curve = vanishing.experiment(before=before, seed=seed, progress=True)
            rows.append(
                {
                    "epochs before": before / 28,
                    "seed": seed,
                    "orders of magnitude (minimax)": curve.orders[0],
                    **{key: np.asarray(value).tolist() for key, value in asdict(curve).items()},
                }
            )
            if seed == 0:
                curves[f"G trained for {before} steps"] = curve
            print(f"before {before}, seed {seed}: 10^{curve.orders[0]:.2f}\n{curve}", flush=True)
    plots_theory.save_vanishing(RESULTS / "theory_vanishing.png", curves)
    return rows


def main() -> None:
    set_num_threads(1)
    RESULTS.mkdir(exist_ok=True)
    convergence, values = dirac_table(), eigenvalue_table()
    for row in convergence:
        print(
            f"{row['variant']:<16}{row['updates']:<14}n_d {row['n_d']}  {row['norm 500']:>10.3g} "
            f"{row['norm 5000']:>10.3g}  {row['converges']:<22} paper: {row['paper']:<14}"
            + ("" if row["agrees"] else "DIFFERS")
        )
    for row in values:
        print(
            f"{row['variant']:<16}"
            + (
                f"{row['by hand'][1]:>22} {row['package'][1]:>22}  {row['largest difference']:.1e}"
                if "by hand" in row
                else row["none"]
            )
        )
    plots_theory.save_phase_portraits(RESULTS / "theory_dirac.png", h=H)
    plots_theory.save_divergences(RESULTS / "theory_divergences.png")
    nets, rows = spectrum(), ledger()
    print(table(rows), flush=True)
    result = {
        "dirac": {"h": H, "start": START, "rows": convergence},
        "eigenvalues": values,
        "spectrum": nets,
        "vanishing": vanishing_table(),
        "ledger": [
            {**{k: _plain(v) for k, v in asdict(row).items()}, "error": row.error, "ok": row.ok} for row in rows
        ],
    }
    orders = [row["orders of magnitude (minimax)"] for row in result["vanishing"]]
    result["summary"] = {
        "Dirac-GAN: agrees with the paper": f"{sum(row['agrees'] for row in convergence)} of {len(convergence)}",
        "eigenvalues: largest difference": max(row["largest difference"] for row in values if "none" not in row),
        "vanishing: orders of magnitude": {
            "smallest": min(orders),
            "median": float(np.median(orders)),
            "largest": max(orders),
        },
        "ledger: rows that hold": f"{sum(row.ok for row in rows)} of {len(rows)}",
    }
    print(json.dumps(result["summary"], indent=1))
    write_text(RESULTS / "theory.json", json.dumps(result, indent=1) + "\n")


def _plain(value):
    return _show(value) if isinstance(value, complex) else value


def _show(value: complex) -> str:
    return f"{value.real:.9f}{value.imag:+.9f}i"


if __name__ == "__main__":
    main()
