"""The `scratchgan` command: train a recipe, sample from a run, evaluate it, list the recipes, check derivatives, ...

Every command prints the files that it wrote.  Its exit code is 0 on success, 1 if a derivative or a statement of the
ledger is wrong, 2 if it cannot do what it was asked to do (one line says why), 3 if training diverged, 130 after Ctrl-C
and 143 after SIGTERM.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from .files.console import argument, console, explain

WRONG, USAGE, DIVERGED, CTRL_C = 1, 2, 3, 130
MOST_IN_PICTURE = 10_000


class UsageError(ValueError):
    """The command line itself is wrong."""


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        """Raise UsageError, of which `main` prints one line, instead of printing the whole usage."""
        raise UsageError(f"{message} (see {self.prog} --help)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (sys.argv by default) and return the exit code; --help and --version raise SystemExit."""
    with console() as (stdout, _):
        code = _run(arguments)
    return code or USAGE * bool(stdout.lost)


def _run(arguments: Sequence[str] | None) -> int:
    try:
        args = _parser().parse_args(arguments)
        for name, value in vars(args).items():
            if name != "settings" and "" in (value if isinstance(value, list) else [value]):
                raise UsageError(f"argument {name}: expected a name or a path, got an empty text")
        return args.run(args)
    except KeyboardInterrupt:
        print("\nscratchgan: stopped by Ctrl-C", file=sys.stderr)
        return CTRL_C
    except (ValueError, OSError, MemoryError, ImportError) as error:
        return _fail(error, USAGE)


def _fail(error: BaseException, code: int) -> int:
    print(f"scratchgan: error: {explain(error)}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    from . import __version__
    from .runs import doors

    parser = _Parser(prog="scratchgan", description="Generative adversarial networks from scratch, in NumPy.")
    parser.add_argument("--version", action="version", version=f"scratchgan {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    train = commands.add_parser("train", help="train a recipe; all results are written into one folder")
    train.add_argument(
        "recipe",
        nargs="?",
        metavar="RECIPE",
        help="a recipe's name (see `scratchgan recipes`), a TOML file, or the folder of an earlier run to repeat; "
        "default: dcgan-mnist",
    )
    train.add_argument("--out", metavar="DIR", help="the run's folder; default: runs/RECIPE, or RECIPE-2, -3, ...")
    train.add_argument("--steps", type=int, metavar="N", help="training steps")
    train.add_argument("--seed", type=int, metavar="S", help="seed for weights, noise and the order of the data")
    train.add_argument(
        "--from",
        dest="start_from",
        metavar="RUN",
        help="start from the weights of this run; default for RECIPE is then its recipe",
    )
    train.add_argument("--data", metavar="NAME_OR_PATH", help="a data set's name, or the path of your own data")
    train.add_argument("--data-b", metavar="NAME_OR_PATH", help="the second domain of a CycleGAN")
    train.add_argument(
        "--checkpoint-every",
        type=int,
        metavar="N",
        help="steps between checkpoints; 0: only at the beginning and the end",
    )
    train.add_argument(
        "--set",
        dest="settings",
        action="extend",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="set any key of the recipe (see `scratchgan recipes --keys`)",
    )
    train.add_argument("--quiet", action="store_true", help="no progress bar; print only the run's folder")
    train.set_defaults(run=_train)

    resume = commands.add_parser("resume", help="continue a stopped run; the result is the same as without the stop")
    resume.add_argument("folder", metavar="RUN", help="a run's folder")
    resume.add_argument("--steps", type=int, metavar="N", help="train on, to step N")
    _data_options(resume, "--data", "--data-b")
    resume.add_argument("--quiet", action="store_true", help="no progress bar; print only the run's folder")
    resume.set_defaults(run=_resume)

    sample = commands.add_parser("sample", help="make samples with a trained generator")
    sample.add_argument("folder", metavar="RUN", help="a run's folder, or its checkpoint.npz")
    sample.add_argument("--n", type=int, default=64, metavar="N", help="number of samples; default: 64")
    sample.add_argument("--seed", type=int, default=1, metavar="S", help="seed for the noise; default: 1")
    sample.add_argument(
        "--label",
        metavar="L",
        help="for a conditional GAN: samples of this class only, given by its name or number (a name counts first); "
        "default: all classes, one per row",
    )
    sample.add_argument(
        "--out",
        metavar="FILE",
        help="a .png file (picture) or .npy file (array (N, ...), images in [-1, 1]); default: RUN/sample-nN-seedS.png",
    )
    sample.set_defaults(run=_sample)

    doors.add(commands)

    evaluate = commands.add_parser("evaluate", help="measure how good a run's samples are, with all metrics that fit")
    evaluate.add_argument("folder", metavar="RUN", help="a run's folder")
    _data_options(evaluate, "--data")
    evaluate.add_argument("--n", type=int, default=2000, metavar="N", help="number of samples; default: 2000")
    evaluate.add_argument("--seed", type=int, default=1, metavar="S", help="seed for the noise; default: 1")
    evaluate.set_defaults(run=_evaluate)

    doctor = commands.add_parser("doctor", help="diagnose a run: what is wrong with it, if anything, and what to try")
    doctor.add_argument("folder", metavar="RUN", help="a run's folder")
    _data_options(doctor, "--data")
    doctor.set_defaults(run=_doctor)

    pictures = commands.add_parser("pictures", help="draw more pictures of a run: D's surface, latent walks, ...")
    pictures.add_argument("folder", metavar="RUN", help="a run's folder")
    _data_options(pictures, "--data")
    pictures.add_argument("--out", metavar="DIR", help="folder for the pictures; default: RUN")
    pictures.add_argument("--seed", type=int, default=1, metavar="S", help="seed for the noise; default: 1")
    pictures.set_defaults(run=_pictures)

    ledger = commands.add_parser("ledger", help="compare the code with theory: a table of statements and their errors")
    ledger.set_defaults(run=_ledger)

    recipes = commands.add_parser("recipes", help="list the recipes, show one, or list all keys")
    recipes.add_argument("name", nargs="?", metavar="NAME", help="show this recipe")
    recipes.add_argument(
        "--why", action="store_true", help="with NAME: its constants: paper, authors' code, ours, reason"
    )
    recipes.add_argument("--keys", action="store_true", help="list all keys of a recipe, with defaults")
    recipes.set_defaults(run=_recipes)

    gradcheck = commands.add_parser("gradcheck", help="check hand-written derivatives against numerical ones")
    gradcheck.add_argument("names", nargs="*", metavar="NAME", help="what to check, such as Dense; default: everything")
    gradcheck.set_defaults(run=_gradcheck)

    grade = commands.add_parser("grade", help="run submitted notebooks of the course, and grade their exercises")
    grade.add_argument("folder", metavar="FOLDER", help="a folder with notebooks (*.ipynb), also in sub-folders")
    grade.add_argument("--out", metavar="FILE", help="CSV file for the grades; default: FOLDER/grades.csv")
    grade.add_argument("--chapter", metavar="NN", help="grade all as this chapter; default: the one that each is from")
    grade.add_argument("--keep", choices=("all", "latest"), default="all", help="of a student's several; default: all")
    grade.add_argument("--jobs", type=int, default=1, metavar="N", help="notebooks at the same time; default: 1")
    grade.add_argument("--memory", type=float, default=6, metavar="GB", help="memory per notebook; default: 6 GB")
    grade.add_argument("--timeout", type=float, default=600, metavar="S", help="seconds per notebook; default: 600")
    grade.add_argument("--cell-timeout", type=float, default=180, metavar="S", help="seconds per cell; default: 180")
    grade.add_argument("--quiet", action="store_true", help="no progress bar; print only the path of the CSV file")
    grade.set_defaults(run=_grade)

    bench = commands.add_parser("bench", help="measure the speed of a training step and of its parts")
    bench.add_argument(
        "--threads", type=int, metavar="N", help="threads for the kernels; default: as many as in training"
    )
    bench.add_argument("--plan", metavar="RECIPE", help="print the operations of a recipe's training step instead")
    bench.set_defaults(run=_bench)
    return parser


def _data_options(command: argparse.ArgumentParser, *names: str) -> None:
    """Options that say where the data of a run are now."""
    for name in names:
        which = "second domain's data" if name.endswith("b") else "run's data"
        command.add_argument(name, metavar="PATH", help=f"where the {which} are now, if they have been moved")


def _grade(args: argparse.Namespace) -> int:
    from .grading import Limits, grade, summary

    rows, path = grade(
        args.folder,
        out=args.out,
        chapter=args.chapter,
        keep=args.keep,
        jobs=args.jobs,
        limits=Limits(args.timeout, args.cell_timeout, args.memory * 1e9),
        progress=not args.quiet,
    )
    if args.quiet:
        print(path)
        return 0
    print(summary(rows))
    print(f"wrote {path}")
    return 0


def _train(args: argparse.Namespace) -> int:
    from .runs.asked import about_pair, asked

    given = {key: getattr(args, key) for key in ("steps", "seed", "data", "data_b", "checkpoint_every")}
    recipe = asked(args.recipe, args.settings, args.start_from, **given)
    pair = about_pair(recipe, args.data, args.data_b, args.settings)

    from .runs.train import train

    def announce(recipe, folder, data):
        shape = " x ".join(map(str, data.example_shape))
        if data.kind == "density":
            examples = "new points in each step"
        elif data.kind == "pair":
            examples = f"{len(data.a):,} of {shape}, and {len(data.b):,} of {recipe.data_b}"
        elif data.kind == "paired":
            examples = f"{len(data.y):,} pairs: {' x '.join(map(str, data.input_shape))} into {shape}"
        else:
            examples = f"{len(data):,} of {shape}"
        print(
            f"{recipe.name}: {recipe.model} on {recipe.data} ({examples}), {recipe.steps:,} steps, batch size "
            f"{recipe.batch_size}, seed {recipe.seed}; into {folder}" + (f"; {pair}" if pair else ""),
            flush=True,
        )

    return _ran(
        lambda: train(recipe, args.out, progress=not args.quiet, on_start=None if args.quiet else announce), args.quiet
    )


def _resume(args: argparse.Namespace) -> int:
    from .files import checkpoint
    from .runs.run_data import read_meta
    from .runs.start import planned
    from .runs.train import resume

    meta = read_meta(args.folder)
    begun = checkpoint.fact(meta, "step", int) if meta else 0

    def announce(recipe, folder, data):
        spread = "" if args.steps is None else "".join(f"; {key} is spread over all of them" for key in planned(recipe))
        print(
            f"{recipe.name}: complete, all {recipe.steps:,} steps are done; only the final pictures are drawn again"
            if begun >= recipe.steps
            else f"{recipe.name}: continues after step {begun:,} of {recipe.steps:,}{spread}; in {folder}",
            flush=True,
        )

    where = {key: getattr(args, key) for key in ("steps", "data", "data_b")}
    return _ran(
        lambda: resume(args.folder, progress=not args.quiet, on_start=None if args.quiet else announce, **where),
        args.quiet,
    )


def _ran(run, quiet: bool) -> int:
    """Call `run`, print how training ended, and return the exit code."""
    from .doctor import summary
    from .runs.train import Diverged

    try:
        run = run()
    except Diverged as error:
        return _fail(error, DIVERGED)
    if not quiet:
        done = run.log[-1] if run.log else None
        if done:
            print(
                "step {step:,}: D loss {d_loss:.3f}, G loss {g_loss:.3f}, {mark}(x) {d_real:.2f}, {mark}(G(z)) {d_fake:.2f}; "
                "{seconds:.0f} s".format(mark=run.gan.loss.symbol[0], **done)
            )
        if run.modes is not None:
            print(run.modes)
        if run.findings:
            print(f"doctor: {summary(run.findings)}")
    by = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}.get(run.signal, "")
    stopped = (
        f"stopped by {by} after step {run.gan.steps:,} (to continue: scratchgan resume {argument(run.folder)}); "
        if run.interrupted
        else ""
    )
    print(f"{stopped}wrote {run.folder}" + ("" if quiet else f": {', '.join(run.files)}"))
    return 128 + run.signal if run.interrupted else 0


def _sample(args: argparse.Namespace) -> int:
    for name, value, least in (("--n", args.n, 1), ("--seed", args.seed, 0)):
        if value < least:
            raise UsageError(f"argument {name}: expected at least {least}, got {value}")
    if args.out and Path(args.out).suffix not in (".png", ".npy"):
        raise UsageError(f'argument --out: expected a file ending in .png or .npy, got "{Path(args.out)}"')
    if not (args.out and args.out.endswith(".npy")) and args.n > MOST_IN_PICTURE:
        raise UsageError(
            f"argument --n: expected at most {MOST_IN_PICTURE:,} samples in a picture, got {args.n:,}; "
            "use --out FILE.npy for more"
        )
    from .runs.sampling import sample_run

    paths, what = sample_run(args.folder, n=args.n, seed=args.seed, label=args.label, out=args.out)
    print(f"wrote {', '.join(map(str, paths))}: {what}")
    return 0


def _evaluate(args: argparse.Namespace) -> int:
    from .runs.evaluate import run

    run(args.folder, n=args.n, seed=args.seed, data=args.data)
    return 0


def _doctor(args: argparse.Namespace) -> int:
    from .runs.diagnose import run

    run(args.folder, data=args.data)
    return 0


def _pictures(args: argparse.Namespace) -> int:
    from .runs.pictures import picture_run

    written = picture_run(
        args.folder, out=args.out, seed=args.seed, data=args.data, say=lambda text: print(text, file=sys.stderr)
    )
    print(f"wrote {', '.join(map(str, written))}")
    return 0


def _ledger(args: argparse.Namespace) -> int:
    from .theory.ledger import run

    return 0 if run() else WRONG


def _recipes(args: argparse.Namespace) -> int:
    from .runs import recipe as recipes

    if args.why:
        if args.name is None:
            raise UsageError("argument --why: expected a recipe's name: scratchgan recipes NAME --why")
        from .runs.why import why

        print(why(args.name))
    elif args.keys:
        print(recipes.describe_keys())
    elif args.name:
        print(recipes.source(args.name), end="")
    else:
        table = [("recipe", "model", "data", "steps", "what it teaches")]
        for name in recipes.names():
            recipe = recipes.load(name)
            table.append((name, recipe.model, recipe.data, f"{recipe.steps:,}", recipe.description))
        widths = [max(len(row[i]) for row in table) for i in range(4)]
        for name, model, data, steps, description in table:
            print(
                f"{name:<{widths[0]}}  {model:<{widths[1]}}  {data:<{widths[2]}}  {steps:>{widths[3]}}  {description}"
            )
    return 0


def _gradcheck(args: argparse.Namespace) -> int:
    from .gradcheck.run import run

    return 0 if run(args.names) else WRONG


def _bench(args: argparse.Namespace) -> int:
    from .runs import bench, plan

    if args.plan is not None:
        return 0 if plan.run(args.plan, args.threads) else WRONG
    bench.run(args.threads)
    return 0
