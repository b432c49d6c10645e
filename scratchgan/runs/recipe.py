"""A recipe is everything that decides a run, as one flat table of keys: the model, the data, the players' optimisers.

The keys are the fields of `Recipe`.  Each has a type, limits and a line of help, from which the checks, the error
messages, the saved TOML and the output of `scratchgan recipes --keys` are derived.  Every `Recipe` object is valid;
`to_toml` writes all keys, so that training from the saved file repeats the run.

A value comes from the last of these that gives one:

    1. the default of the model's builder, such as `models.dcgan`; for keys that no builder takes, the one given here
    2. the model's method, such as METHOD in models/lsgan.py for model = "lsgan"
    3. the keys of the TOML file
    4. --set KEY=VALUE: see `override`
"""

from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, fields, replace
from pathlib import Path
from typing import Any

from ..files import checkpoint
from ..files.arrays import one_line
from ..losses import LOSSES, smoothing
from ..models import MODELS, base_of, method_of, options_of
from ..models.dcgan import NORMS
from ..models.endings import CONDITIONS
from ..models.training import MINIBATCH, OBJECTIVES, OPTIMIZERS
from ..optim import SCHEDULES
from ..rules import PENALTIES
from .keys import MAX_BYTES, UNSET, absolute, as_text, checked, key, name_from, nearest, parse, parse_value
from .keys_paired import PairedKeys, check_data, check_used

FOLDER = Path(__file__).parent / "recipes"
DEFAULT = "dcgan-mnist"


@dataclass(frozen=True, kw_only=True)
class Recipe(PairedKeys):
    """All keys of a recipe; a key that is not given has the default value for its model: see `default`.

    The keys for pairs of images are in runs/keys_paired.py.

    Raises ValueError, naming the key, for a value of the wrong type or out of range.
    """

    name: str = key(
        "name of the run; its folder is runs/<name>",
        "custom",
        pattern=r"\w[\w .+-]*",
        expected="a folder name made of letters, digits, _ . + - and blanks",
    )
    description: str = key("what the recipe teaches, in one line", "")

    model: str = key(
        "which GAN: its method sets the keys that the recipe leaves out; with --set model=NAME the new method replaces "
        "the recipe's values, and only other keys given with --set override it",
        "dcgan",
        choices=tuple(MODELS),
    )
    data: str = key(
        "name of a data set, or path of a folder or zip file of images, or of an .npz file",
        "mnist-5k",
        pattern=r"(?s).*\S.*",
        expected="the name of a data set, or a path",
    )
    image_size: int = key("images are resized to this many pixels a side; 0 = as in the data", 0, low=0, high=1024)
    channels: int = key("1 = grey, 3 = colour; 0 = as in the data", 0, choices=(0, 1, 3))
    ground: str = key(
        "what transparent pixels of images are shown over; auto = black, or white if most of them would not be seen",
        "auto",
        choices=("auto", "black", "white", "grey"),
    )

    steps: int = key("training steps; each updates D once, and G once in every d_steps steps", 1500, low=1)
    batch_size: int = key("real examples per step", 64, low=2)
    seed: int = key("decides initial weights, noise and the order of the data", 0, low=0)

    latent_dim: int = key("length of the latent vector z", low=1)
    width: int = key("images: channels at full resolution; doubled whenever the resolution is halved", low=1)
    dense: int = key("DCGAN: units of a hidden dense layer, connected to the whole image, in each net; 0 = none", low=0)
    hidden: tuple[int, ...] = key("MLP: units of each hidden layer, in G and in D", low=1)

    data_b: str = key(
        "CycleGAN: the second domain, in the form of `data`; pairs: what the net should make of `data`",
        "",
        when=("model", ("cyclegan", "paired")),
    )
    blocks: int = key("CycleGAN, residual nets for pairs: residual blocks of each generator", low=0)
    d_width: int = key("CycleGAN, pairs: channels of the discriminators at half resolution", low=1)
    cycle_weight: float = key("CycleGAN: weight of the cycle-consistency loss", low=0)
    identity_weight: float = key(
        "CycleGAN: weight, relative to cycle_weight, of the loss for changing images already in the domain", low=0
    )
    pool_size: int = key("CycleGAN: how many earlier fakes are kept for D to be trained on again", low=0, high=10_000)

    d_norm: str = key("DCGAN: what D normalises: its activations (batch, layer), its weights (spectral)", choices=NORMS)
    packing: int = key("samples that D judges together (PacGAN); must divide batch_size", low=1, high=16)
    minibatch: str = key(
        "how D compares the samples of a batch: by their standard deviation, or by minibatch discrimination",
        choices=tuple(MINIBATCH),
    )

    condition: str = key(
        "DCGAN: what the players are conditioned on: labels (concat, projection, auxiliary) or codes",
        choices=tuple(CONDITIONS),
    )
    classes: int = key(
        "number of labels, or of categories of the codes; 0 = as in the data",
        0,
        low=0,
        high=1000,
        when=("condition", tuple(c for c in CONDITIONS if c != "none")),
    )
    continuous: int = key(
        "number of continuous codes, each in -1..1, that G is given", low=0, high=100, when=("condition", ("codes",))
    )
    class_weight: float = key(
        "weight of the classification loss in both players' losses", low=0, when=("condition", ("auxiliary", "codes"))
    )
    continuous_weight: float = key(
        "weight, in both players' losses, of the loss for predicting the continuous codes",
        low=0,
        when=("condition", ("codes",)),
    )

    loss: str = key("what the two players minimise: see scratchgan/losses", choices=LOSSES)
    label_smoothing: float = key(
        "one-sided: D's target for real examples is 1 - label_smoothing",
        low=0,
        below=1,
        when=("loss", smoothing()),
    )

    penalty: str = key(
        "gradient penalty on D: at real samples, at fakes, at both, between them, around real ones", choices=PENALTIES
    )
    penalty_weight: float = key(
        "weight of the penalty: gamma of R1 and R2, lambda of WGAN-GP and DRAGAN",
        above=0,
        when=("penalty", tuple(p for p in PENALTIES if p != "none")),
    )
    penalty_every: int = key(
        "the penalty is applied once in every penalty_every steps, multiplied by penalty_every",
        low=1,
        when=("penalty", tuple(p for p in PENALTIES if p != "none")),
    )
    clip: float = key("D's weights are clipped to -clip .. clip after each of its updates (WGAN); 0 = off", low=0)
    instance_noise: float = key("sigma of the noise on D's inputs, falling to 0 in noise_steps steps; 0 = off", low=0)
    noise_steps: int = key("number of steps in which instance_noise falls to 0; 0 = all steps", low=0)
    g_objective: str = key(
        "what G minimises: its loss, or the distance between D's mean features of real and fake samples",
        choices=tuple(OBJECTIVES),
    )
    unroll: int = key("how many updates of D G looks ahead and differentiates through; 0 = off", low=0, high=100)

    optimizer: str = key("optimiser of both players", choices=tuple(OPTIMIZERS))
    d_steps: int = key("updates of D for each update of G; one training step is one update of D", low=1)
    lr_g: float = key("learning rate of G", above=0)
    lr_d: float = key("learning rate of D", above=0)
    beta1: float = key(
        "Adam: decay of the moving average of the gradients", low=0, below=1, when=("optimizer", ("adam",))
    )
    beta2: float = key(
        "Adam and RMSProp: decay of the moving average of the squared gradients",
        low=0,
        below=1,
        when=("optimizer", ("adam", "rmsprop")),
    )
    momentum: float = key("SGD: momentum", low=0, below=1, when=("optimizer", ("sgd",)))
    lr_schedule: str = key(
        "learning rates: linear falls to 0 over the second half of training, cosine over all of it",
        choices=tuple(SCHEDULES),
    )
    ema_decay: float = key(
        "samples are made with an exponential moving average of G's weights, with this decay; 0 = off", low=0, below=1
    )

    start_from: str = key(
        "an earlier run, as its folder or checkpoint, whose weights training starts from; empty = new weights", ""
    )
    held_out: int = key(
        "examples that are kept out of training; with them the doctor tests whether D has memorised the others",
        0,
        low=0,
    )

    log_every: int = key("steps between lines of log.jsonl", 10, low=1)
    sample_every: int = key("steps between pictures; 0 = only at the end", 100, low=0)
    checkpoint_every: int = key("steps between checkpoints; 0 = only at the end", 500, low=0)
    sample_grid: int = key("images in a picture", 64, low=1, high=1024)

    def __post_init__(self):
        model = checked(KEYS["model"], "dcgan" if self.model is UNSET else self.model)
        for name, entry in KEYS.items():
            value = getattr(self, name)
            object.__setattr__(self, name, checked(entry, default(name, model) if value is UNSET else value))
        if self.batch_size % self.packing:
            raise ValueError(f"batch_size = {self.batch_size}: expected a multiple of packing = {self.packing}")
        if base(self.model) == "cyclegan" and (self.held_out or self.packing > 1):
            raise ValueError("held_out and packing have no effect with a CycleGAN: leave them out")
        check_data(self, base(self.model))
        if self.held_out and self.condition != "none":
            raise ValueError(
                f"held_out = {self.held_out}: expected 0 for a GAN with labels or codes (condition = "
                f'"{self.condition}")'
            )


_OF_PAIRS, _ALL = fields(PairedKeys), fields(Recipe)  # those of the base come first
KEYS: dict[str, Field] = {entry.name: entry for entry in (*_ALL[len(_OF_PAIRS) :], *_OF_PAIRS)}


def base(model: str) -> str:
    """The name in MODELS of the model whose nets a model uses: "dcgan" for "lsgan", and for "dcgan" itself."""
    return next(name for name, builder in MODELS.items() if builder is base_of(MODELS[model]))


def options(model: str) -> dict[str, Any]:
    """{key: default} of the keys that a model's builder takes."""
    taken = dict(options_of(MODELS[model]))
    if "lr" in taken:  # a CycleGAN has one learning rate for all its nets
        taken["lr_g"] = taken["lr_d"] = taken["lr"]
    return {name: taken[name] for name in KEYS if name in taken}


def default(name: str, model: str) -> Any:
    """The value of a key that a recipe with this model leaves out.

    It is the first of these that exists: the value in the model's method, the default of a key of the run, the default
    of the model's builder, the default of another builder (in the order of MODELS).
    """
    method, of_the_run = method_of(MODELS[model]), KEYS[name].metadata["default"]
    if name in method:
        return method[name]
    if of_the_run is not UNSET:
        return of_the_run
    return next(taken[name] for taken in map(options, (model, *MODELS)) if name in taken)


def fits(name: str, model: str) -> bool:
    """Whether a key applies to a model: it is a key of the run, or the model's builder takes it."""
    return KEYS[name].metadata["default"] is not UNSET or name in options(model)


def names() -> dict[str, str]:
    """Return the recipes that come with the package: {name: description}, the default first."""
    found = {path.stem: load(path).description for path in sorted(FOLDER.glob("*.toml"))}
    return {DEFAULT: found.pop(DEFAULT), **found}


def source(name: str) -> str:
    """Return the TOML text of a recipe, with its comments.  `name` is as for `load`, and so are the errors."""
    return _locate(name).read_text(encoding="utf-8")


def load(name_or_path: str | Path | Recipe) -> Recipe:
    """Read a recipe: the name of one that comes with the package, a TOML file, a run's folder or checkpoint.

    A relative path in a file (data, data_b, start_from) is relative to that file.  A Recipe is returned as it is.
    Raises ValueError, naming the file, for an unknown name (with the most similar known one), a file that is not TOML,
    an unknown key, and values that `Recipe` rejects.
    """
    if isinstance(name_or_path, Recipe):
        return name_or_path
    if not isinstance(name_or_path, (str, Path)):
        raise TypeError(f"expected a Recipe, or a recipe's name or file, got {type(name_or_path).__name__}")
    path = _locate(name_or_path)
    with open(path, "rb") as file:
        content = file.read(MAX_BYTES + 1)
    where = one_line(str(path), 5000)
    if content.startswith(b"PK"):  # a checkpoint
        content = checkpoint.fact(checkpoint.load(path, arrays=False).meta, "recipe", str).encode()
    try:
        table = parse(content)
    except ValueError as error:
        saved = path.name == "recipe.toml" and path.with_name("checkpoint.npz").is_file()
        hint = "; without this file, the recipe is read from checkpoint.npz" if saved else ""
        raise ValueError(f"{where}: not a TOML file: {one_line(str(error))}{hint}") from None
    try:
        return from_dict({"name": name_from(path.stem), **absolute(table, path.parent)})
    except ValueError as error:
        raise ValueError(f"{where}: {one_line(str(error), 2000)}") from None


def from_dict(table: Mapping[str, Any]) -> Recipe:
    """Make a recipe from {key: value}; missing keys get the model's values.  Unknown keys raise ValueError, too."""
    for name in table:
        _known(name)
    return Recipe(**table)


def override(recipe: Recipe, settings: Iterable[str]) -> Recipe:
    """Return a copy with `settings`, each "key=value", applied in order.

    A value is read as TOML (`0.5`, `[64, 64]`, `"text"`); what is not valid TOML is taken as text, so `loss=minimax`
    needs no quotes.  Setting another model also sets the values of its method, see `with_model`; the other settings
    override these.  Raises ValueError for an unknown key, an invalid value, or a key that has no effect (momentum with
    Adam): otherwise an unchanged run would be mistaken for a result.
    """
    changes = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        name, text = name.strip(), text.strip()
        if not equals or not name:
            raise ValueError(f'expected a setting key=value, such as lr_g=1e-4; got "{setting}"')
        _known(name)
        changes[name] = parse_value(text, KEYS[name].type)  # type: ignore[arg-type]  # the fields of Recipe have plain types
    model = checked(KEYS["model"], changes.get("model", recipe.model))
    result = replace(recipe, **{**with_model(recipe, model), **changes})
    for name in changes:
        _check_effect(result, name)
    return result


def with_model(recipe: Recipe, model: str) -> dict[str, Any]:
    """{key: value} of what changes in a recipe when its model is replaced.

    Keys in the new model's method get the method's values.  Keys that had the old model's default, or that do not
    apply to the new model, get the new model's default.  All other keys were set by the recipe itself and are kept.
    """
    if model == recipe.model:
        return {}
    left = [name for name in KEYS if getattr(recipe, name) == default(name, recipe.model) or not fits(name, model)]
    method = {name: value for name, value in method_of(MODELS[model]).items() if name in KEYS}
    return {**dict.fromkeys(left, UNSET), **method, "model": model}


def _check_effect(recipe: Recipe, name: str) -> None:
    """Raise ValueError if a key changes nothing in this recipe."""
    other, values = KEYS[name].metadata.get("when", ("model", tuple(MODELS)))
    if not fits(name, recipe.model):
        other, values = "model", [model for model in MODELS if base(model) == model and fits(name, model)]
    given = getattr(recipe, other)
    if (base(given) if other == "model" else given) not in values:
        raise ValueError(
            f'{name} has no effect with {other} = "{given}", only with {" and ".join(map(as_text, values))}'
        )
    if base(recipe.model) == "paired":
        check_used(recipe, name)


def to_toml(recipe: Recipe) -> str:
    """Return the recipe as TOML text with all keys; `load` makes an equal recipe from it."""
    import tomli_w

    values = {name: getattr(recipe, name) for name in KEYS}
    table = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    return "# The whole recipe of this run: training from this file repeats it.\n" + tomli_w.dumps(table)


def describe_keys() -> str:
    """Return a table of all keys, one per line: name, default for DCGAN, other models' defaults in brackets, help."""
    rows = []
    for name, entry in KEYS.items():
        usual = default(name, "dcgan")
        others = [f"{m}: {as_text(default(name, m))}" for m in MODELS if base(m) == m and default(name, m) != usual]
        note = f"({', '.join(others)}) " if others else ""
        rows.append((name, as_text(usual), note + entry.metadata["help"]))
    widths = [max(len(row[i]) for row in rows) for i in (0, 1)]
    return "\n".join(f"{name:<{widths[0]}}  {default:<{widths[1]}}  {help}" for name, default, help in rows)


def _locate(name_or_path: str | Path) -> Path:
    shipped = {path.stem: path for path in sorted(FOLDER.glob("*.toml"))}
    if str(name_or_path) in shipped:
        return shipped[str(name_or_path)]
    path = Path(name_or_path).expanduser()
    if path.is_dir():
        path = next((path / name for name in ("recipe.toml", "checkpoint.npz") if (path / name).is_file()), path)
        if path.is_dir():
            raise ValueError(f'"{name_or_path}" is a folder without recipe.toml; expected a recipe or a run\'s folder')
    if not path.is_file():
        raise ValueError(
            f'unknown recipe "{name_or_path}" (and no file of this name){_meant(str(name_or_path), shipped)}'
        )
    return path


def _meant(word: str, shipped: Iterable[str]) -> str:
    """A hint for an unknown recipe: those of which it is a part, such as dcgan-mnist for mnist, or the most similar."""
    from ..data import names

    known = list(shipped)
    parts = [name for name in known if f"-{word.lower()}-" in f"-{name}-"]
    parts.sort(key=lambda name: (name != DEFAULT, not name.startswith("mlp-"), known.index(name)))
    hint = f"; did you mean {' or '.join(map(as_text, parts[:2]))}?" if parts else ""
    if word in names():
        return f'{hint or ";"} "{word}" is a data set: give it with --data {word}'
    return hint or nearest(word, known)


def _known(name: str) -> None:
    if name not in KEYS:
        raise ValueError(f'unknown key "{name}"{nearest(name, KEYS)}')
