"""The commands that take image files: `scratchgan translate`, `enhance` and `inpaint`; their options, and what they do."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .apply import Job
    from .recipe import Recipe

FITS = ("tiles", "resize")
#: what is made with a run of another kind
INSTEAD = {
    "samples": "a GAN that makes samples from noise; try scratchgan sample, or scratchgan inpaint",
    "translations": "a CycleGAN; try scratchgan translate",
    "paired": "a net that was trained on pairs; try scratchgan translate or scratchgan enhance",
}


def add(commands: Any) -> None:
    """Add the three commands to the subparsers of `scratchgan`."""
    translate = _command(
        commands, "translate", "translate images with a CycleGAN, or a net trained on pairs", "translated"
    )
    translate.add_argument(
        "--to",
        metavar="DOMAIN",
        help="of a CycleGAN, which has two directions: a or b, or the name of the domain's data, or the start of that "
        "name: mnist for mnist-5k",
    )
    translate.set_defaults(run=_translate)
    enhance = _command(
        commands, "enhance", "enlarge, sharpen, clean or colour images, as the run has learned", "enhanced"
    )
    enhance.set_defaults(run=_enhance)
    for command in (translate, enhance):
        command.add_argument(
            "--fit",
            choices=FITS,
            help="images of another size than the net's: whole, in overlapping tiles; or cropped to a square and resized. "
            "Default: tiles for nets of convolutions alone, otherwise resize",
        )
    inpaint = _command(commands, "inpaint", "fill holes in images: with a net trained for it, or any GAN", "filled")
    inpaint.add_argument(
        "--mask",
        required=True,
        metavar="FILE|BOX",
        help="what is missing: an image of the same size, white in the hole and black elsewhere; or a box, "
        "left,top,width,height in pixels or per cent, such as 25%%,25%%,50%%,50%%",
    )
    inpaint.add_argument("--label", metavar="L", help="of a conditional GAN: the class, by its name or number")
    inpaint.add_argument("--seed", type=int, metavar="S", help="of a GAN: seed of the search; default: 1")
    inpaint.add_argument("--steps", type=int, metavar="N", help="of a GAN: steps of the search; default: 300")
    inpaint.add_argument("--starts", type=int, metavar="N", help="of a GAN: how many searches per image; default: 8")
    inpaint.add_argument(
        "--weight", type=float, metavar="W", help="of a GAN: weight of D's opinion in the search; default: 0.1"
    )
    inpaint.set_defaults(run=_inpaint)


def _command(commands: Any, name: str, help: str, folder: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=help)
    command.add_argument("folder", metavar="RUN", help="a run's folder, or its checkpoint.npz")
    command.add_argument("files", nargs="+", metavar="FILE", help="images, folders or zip files of images")
    command.add_argument("--out", metavar="DIR", help=f"folder for the results; default: RUN/{folder}")
    return command


def _translate(args: argparse.Namespace) -> int:
    from .build import restore
    from .translate import cyclegan_job, domain_names, paired_job

    gan, recipe = restore(args.folder)
    if gan.kind == "translations":
        if args.to is None:
            names = domain_names(recipe)
            raise ValueError(f"{args.folder}: has two directions; say which: --to a ({names['a']}) or b ({names['b']})")
        job = cyclegan_job(gan, recipe, args.to, args.fit or "resize")
        return _apply(args, recipe, job, f"translated {job.added.replace('-', ' ', 1)}", "translated")
    _expect(args, gan, "a CycleGAN, or a net trained on pairs", "paired")
    if args.to is not None:
        raise ValueError(f"{args.folder}: translates in one direction only; leave --to out")
    return _apply(args, recipe, paired_job(gan, recipe, "translate", args.fit or ""), "translated", "translated")


def _enhance(args: argparse.Namespace) -> int:
    from .build import restore
    from .translate import paired_job

    gan, recipe = restore(args.folder)
    _expect(args, gan, "a net trained on pairs", "paired")
    return _apply(args, recipe, paired_job(gan, recipe, "enhance", args.fit or ""), "enhanced", "enhanced")


def _inpaint(args: argparse.Namespace) -> int:
    from .build import restore
    from .inpaint import filling_job, search_job
    from .mask import read_mask

    gan, recipe = restore(args.folder)
    _expect(args, gan, "a GAN, or a net trained to fill holes", "paired", "samples")
    mask = read_mask(args.mask)
    search = {key: getattr(args, key) for key in ("label", "seed", "steps", "starts", "weight")}
    given = {key: value for key, value in search.items() if value is not None}
    if gan.kind == "samples":
        job = search_job(args.folder, gan, recipe, mask, **given)
    elif given:
        raise ValueError(
            f"--{next(iter(given))} has no effect: {args.folder} fills holes in one pass, without a search"
        )
    else:
        job = filling_job(gan, recipe, mask)
    return _apply(args, recipe, job, "filled", "filled")


def _expect(args: argparse.Namespace, gan: Any, expected: str, *kinds: str) -> None:
    if gan.kind not in kinds:
        raise ValueError(f"{args.folder}: expected {expected}, got {INSTEAD[gan.kind]}")


def _apply(args: argparse.Namespace, recipe: Recipe, job: Job, done: str, folder: str) -> int:
    from ..files.arrays import one_line
    from .apply import apply_files
    from .places import check_outside

    run = Path(args.folder)
    out = Path(args.out) if args.out else (run if run.is_dir() else run.parent) / folder
    check_outside(recipe, out)
    say = lambda line: print(f"scratchgan: note: {one_line(line, 2000)}", file=sys.stderr)
    written = apply_files(job, args.files, out, title=f"{done} by {recipe.name}", say=say, progress=True)
    n = len(written) - 1
    print(f"wrote {out}: {n:,} image{'s' * (n != 1)} {done}, and {written[-1].name}")
    return 0
