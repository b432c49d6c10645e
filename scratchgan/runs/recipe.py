"""A recipe is everything that decides a run, as one flat table of keys: the model, the data, the players' optimisers.

There is one list of keys, the fields of `Recipe`: each has a default, a type, limits and a line of help, and from that
list come the checks, the error messages, the TOML that a run saves and `scratchgan recipes --keys`.  A `Recipe` that
exists is valid; `to_toml` writes all of it, so that training from the saved file repeats the run.
"""

import difflib
import math
import operator
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import Field, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ..files.arrays import one_line

FOLDER = Path(__file__).parent / "recipes"
DEFAULT = "dcgan-mnist"
MAX_BYTES = 1 << 16  # of a recipe's text; the longest that comes with the package has about 3,000
MAX_DOTS = 200  # in a line: a key of 30,000 parts, a.a.a..., keeps tomllib busy for half a minute


def _key(default: Any, help: str, **limits: Any) -> Any:
    """Make a key's field; limits: low, high, above, below, choices, pattern (with expected), when (see `override`).

    Choices, and the values of when, may be a function that returns them: what others have a table of.
    """
    return field(default=default, metadata={"help": help, **limits})


def _losses() -> tuple[str, ...]:  # these are asked when a recipe is made: importing this module stays light
    from ..losses import LOSSES

    return tuple(LOSSES)


def _smoothing() -> tuple[str, ...]:
    from ..losses import smoothing

    return smoothing()


def _penalties() -> tuple[str, ...]:
    from ..rules import PENALTIES

    return tuple(PENALTIES)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All keys of a recipe.  Raises ValueError, naming the key, for a value of the wrong type or out of range."""

    name: str = _key(
        "custom",
        "what the run is called; its folder is runs/<name>",
        pattern=r"\w[\w .+-]*",
        expected="a folder's name: letters, digits, _ . + - and blanks",
    )
    description: str = _key("", "what the recipe teaches, in a line")

    model: str = _key("dcgan", "which networks play", choices=("dcgan", "mlp", "cyclegan"))
    data: str = _key("mnist-5k", "a data set's name, or the path of a folder of images or of an .npz file")
    image_size: int = _key(0, "side in pixels that images are resized to; 0 = as the data is", low=0, high=1024)
    channels: int = _key(0, "1 = grey, 3 = colour; 0 = as the data is", choices=(0, 1, 3))

    steps: int = _key(1500, "training steps: one update of D, and of G unless d_steps says otherwise", low=1)
    batch_size: int = _key(64, "real examples a step", low=2)
    seed: int = _key(0, "decides initial weights, noise and the order of the data", low=0)

    latent_dim: int = _key(100, "Z, the length of the noise vector z", low=1)
    width: int = _key(
        64,
        "DCGAN, CycleGAN: channels at full resolution, twice as many at each halving",
        low=1,
        when=("model", ("dcgan", "cyclegan")),
    )
    dense: int = _key(
        0,
        "DCGAN: units of a hidden dense layer in each net, which sees the whole image; 0 = none",
        low=0,
        when=("model", ("dcgan",)),
    )
    hidden: tuple[int, ...] = _key(
        (128, 128), "MLP: units of each hidden layer, in G and in D", low=1, when=("model", ("mlp",))
    )

    data_b: str = _key("", "CycleGAN: the other domain, as `data`", when=("model", ("cyclegan",)))
    blocks: int = _key(2, "CycleGAN: residual blocks of each generator", low=0, when=("model", ("cyclegan",)))
    d_width: int = _key(
        32, "CycleGAN: channels of the discriminators at half resolution", low=1, when=("model", ("cyclegan",))
    )
    cycle_weight: float = _key(10.0, "CycleGAN: of the way there and back", low=0, when=("model", ("cyclegan",)))
    identity_weight: float = _key(
        0.5,
        "CycleGAN: of leaving alone what is in the domain already, times cycle_weight",
        low=0,
        when=("model", ("cyclegan",)),
    )
    pool_size: int = _key(
        50, "CycleGAN: earlier fakes that D is shown again", low=0, high=10_000, when=("model", ("cyclegan",))
    )

    d_norm: str = _key(
        "batch",
        "DCGAN: what D normalises: its activations (batch, layer), its weights (spectral)",
        choices=("batch", "layer", "none", "spectral"),
        when=("model", ("dcgan",)),
    )
    packing: int = _key(1, "samples that D judges together (PacGAN); batch_size must be a multiple", low=1, high=16)
    minibatch: str = _key(
        "none",
        "how D sees the batch: its standard deviation, or minibatch discrimination",
        choices=("none", "std", "discrimination"),
    )

    condition: str = _key(
        "none",
        "DCGAN: what the players are told: labels (concat, projection, auxiliary) or codes",
        choices=("none", "concat", "projection", "auxiliary", "codes"),
        when=("model", ("dcgan",)),
    )
    classes: int = _key(
        0,
        "labels, or categories of codes; 0 = as the data have",
        low=0,
        high=1000,
        when=("condition", ("concat", "projection", "auxiliary", "codes")),
    )
    continuous: int = _key(2, "numbers in -1..1 that G gets as codes", low=0, high=100, when=("condition", ("codes",)))
    class_weight: float = _key(
        1.0, "of the guess at the label, in both players' loss", low=0, when=("condition", ("auxiliary", "codes"))
    )
    continuous_weight: float = _key(
        0.1, "of the guess at the continuous codes, in both players' loss", low=0, when=("condition", ("codes",))
    )

    loss: str = _key(
        "non-saturating",
        "what both players minimise: see scratchgan/losses/",
        choices=_losses,
    )
    label_smoothing: float = _key(
        0.0,
        "one-sided: D's target for real examples is 1 - label_smoothing",
        low=0,
        below=1,
        when=("loss", _smoothing),
    )

    penalty: str = _key(
        "none",
        "on D's slope: at real samples, at fakes, at both, between them, around real ones",
        choices=_penalties,
    )
    penalty_weight: float = _key(
        10.0,
        "gamma of R1 and R2, lambda of WGAN-GP and DRAGAN",
        above=0,
        when=("penalty", lambda: _penalties()[1:]),
    )
    penalty_every: int = _key(
        1,
        "the penalty is taken in every so many-th step, and as many times as heavy",
        low=1,
        when=("penalty", lambda: _penalties()[1:]),
    )
    clip: float = _key(0.0, "D's weights are clipped to -clip .. clip after each of its steps (WGAN); 0 = off", low=0)
    instance_noise: float = _key(0.0, "sigma of the noise on what D sees, falling to 0 in noise_steps; 0 = off", low=0)
    noise_steps: int = _key(0, "steps in which instance_noise fades; 0 = all", low=0)
    g_objective: str = _key(
        "loss", "what G minimises: its loss, or the distance of D's mean features", choices=("loss", "feature-matching")
    )
    unroll: int = _key(0, "steps of D that G looks ahead and differentiates through; 0 = off", low=0, high=100)

    optimizer: str = _key("adam", "how both players step", choices=("adam", "rmsprop", "sgd"))
    d_steps: int = _key(1, "turns of D to each turn of G; a step of training is one turn of D", low=1)
    lr_g: float = _key(2e-4, "learning rate of G", above=0)
    lr_d: float = _key(2e-4, "learning rate of D", above=0)
    beta1: float = _key(0.5, "Adam: decay of the mean of the gradients", low=0, below=1, when=("optimizer", ("adam",)))
    beta2: float = _key(
        0.999,
        "Adam and RMSProp: decay of the mean of the squared gradients",
        low=0,
        below=1,
        when=("optimizer", ("adam", "rmsprop")),
    )
    momentum: float = _key(0.9, "SGD: momentum", low=0, below=1, when=("optimizer", ("sgd",)))
    lr_schedule: str = _key(
        "constant",
        "learning rates: linear falls to 0 over the second half, cosine over all",
        choices=("constant", "linear", "cosine"),
    )
    ema_decay: float = _key(
        0.0, "samples come from a running mean of G's weights with this decay; 0 = off", low=0, below=1
    )

    held_out: int = _key(
        0,
        "examples of the data set kept from training: the doctor sees on them whether D has "
        "learned the others by heart",
        low=0,
    )

    log_every: int = _key(10, "steps between lines of log.jsonl", low=1)
    sample_every: int = _key(100, "steps between pictures; 0 = only at the end", low=0)
    checkpoint_every: int = _key(500, "steps between checkpoints; 0 = only at the end", low=0)
    sample_grid: int = _key(64, "images in a picture", low=1, high=1024)

    def __post_init__(self):
        for key in fields(self):
            object.__setattr__(self, key.name, _checked(key, getattr(self, key.name)))
        if self.batch_size % self.packing:
            raise ValueError(f"batch_size = {self.batch_size}: expected a multiple of packing = {self.packing}")
        if self.model == "cyclegan" and (self.held_out or self.packing > 1):
            raise ValueError("held_out and packing have no effect on a CycleGAN: leave them out")
        if self.held_out and self.condition != "none":
            raise ValueError(
                f"held_out = {self.held_out}: expected 0 for a GAN with labels or codes (condition = "
                f'"{self.condition}")'
            )


KEYS: dict[str, Field] = {key.name: key for key in fields(Recipe)}


def names() -> dict[str, str]:
    """Return the recipes that come with the package: {name: description}, the default first."""
    found = {path.stem: load(path).description for path in sorted(FOLDER.glob("*.toml"))}
    return {DEFAULT: found.pop(DEFAULT), **found}


def source(name: str) -> str:
    """Return the TOML text of a recipe, with its comments.  `name` and errors as for `load`."""
    return _locate(name).read_text(encoding="utf-8")


def load(name_or_path: str | Path) -> Recipe:
    """Read a recipe: the name of one that comes with the package, a TOML file, or a run's folder.

    Raises ValueError for an unknown name (with the nearest known one), a file that is not TOML, and for whatever
    `Recipe` refuses; each names the file.
    """
    path = _locate(name_or_path)
    with open(path, "rb") as file:
        content = file.read(MAX_BYTES + 1)
    where = one_line(str(path), 5000)
    try:
        table = parse(content)
    except ValueError as error:
        raise ValueError(f"{where}: not a TOML file: {one_line(str(error))}") from None
    try:
        return from_dict({"name": path.stem, **table})
    except ValueError as error:
        raise ValueError(f"{where}: {one_line(str(error), 2000)}") from None


def parse(text: str | bytes) -> dict[str, Any]:
    """Read the TOML text of a recipe, not yet checked.  Raises ValueError if it is none, or far too long for one."""
    if len(text) > MAX_BYTES:
        raise ValueError(f"it is longer than {MAX_BYTES:,} bytes, far too long for a recipe")
    text = text.decode() if isinstance(text, bytes) else text
    if any(line.count(".") > MAX_DOTS for line in text.splitlines()):
        raise ValueError(f"a line has more than {MAX_DOTS} dots; a recipe is one flat table")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply; a recipe is one flat table") from None


def from_dict(table: Mapping[str, Any]) -> Recipe:
    """Make a recipe from {key: value}; what is missing has its default.  Raises ValueError as `Recipe` does."""
    for key in table:
        _known(key)
    return Recipe(**table)


def override(recipe: Recipe, settings: Iterable[str]) -> Recipe:
    """Return a copy with `settings`, each "key=value", applied in order.

    A value is read as TOML (`0.5`, `[64, 64]`, `"text"`); what is not TOML is text as it stands, so that
    `loss=minimax` needs no quotes.  Raises ValueError for an unknown key, a bad value, or a key that would change
    nothing (momentum with Adam): silence there would pass for a result.
    """
    changes = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        key, text = key.strip(), text.strip()
        if not equals or not key:
            raise ValueError(f'a setting is key=value, such as lr_g=1e-4; got "{setting}"')
        _known(key)
        changes[key] = _parsed(text, KEYS[key].type)
    result = replace(recipe, **changes)
    for key in changes:
        other, values = KEYS[key].metadata.get("when", ("", ()))
        values = values() if callable(values) else values
        if other and getattr(result, other) not in values:
            raise ValueError(
                f'{key} has no effect with {other} = "{getattr(result, other)}": '
                f"it is for {' and '.join(map(_shown, values))}"
            )
    return result


def to_toml(recipe: Recipe) -> str:
    """Return the whole recipe as TOML text, every key included: `load` gives an equal recipe back."""
    import tomli_w

    table = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(recipe).items()}
    return "# The whole recipe of this run: training from this file repeats it.\n" + tomli_w.dumps(table)


def describe_keys() -> str:
    """Return a table of all keys, a line each: name, default, help."""
    rows = [(key, _shown(entry.default), entry.metadata["help"]) for key, entry in KEYS.items()]
    widths = [max(len(row[i]) for row in rows) for i in (0, 1)]
    return "\n".join(f"{key:<{widths[0]}}  {default:<{widths[1]}}  {help}" for key, default, help in rows)


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the hint of an error: '; did you mean "adam"?' for "adm", the whole list if nothing is near."""
    known = list(known)
    close = difflib.get_close_matches(word.lower(), known, n=1)
    return f'; did you mean "{close[0]}"?' if close else f"; known are: {', '.join(known)}"


def _locate(name_or_path: str | Path) -> Path:
    shipped = {path.stem: path for path in sorted(FOLDER.glob("*.toml"))}
    if str(name_or_path) in shipped:
        return shipped[str(name_or_path)]
    path = Path(name_or_path).expanduser()
    if path.is_dir():
        path = path / "recipe.toml"
        if not path.is_file():
            raise ValueError(f'"{name_or_path}" is a folder without recipe.toml; expected a recipe or a run')
    if not path.is_file():
        raise ValueError(f'unknown recipe "{name_or_path}" (no such file either){nearest(str(name_or_path), shipped)}')
    return path


def _known(key: str) -> None:
    if key not in KEYS:
        raise ValueError(f'unknown key "{key}"{nearest(key, KEYS)}')


def _parsed(text: str, kind: type) -> Any:
    if kind is str and not text.startswith(('"', "'")):
        return text
    try:
        table = parse(f"value = {text}")
        return table["value"] if len(table) == 1 else text  # a line break in the value could smuggle in a second key
    except ValueError:  # TOMLDecodeError, too deep or too long
        pass
    try:
        return float(text) if kind is float else text  # .5 is no TOML, and yet what people write
    except ValueError:
        return text


_LIMITS = {
    "low": (operator.ge, "at least"),
    "above": (operator.gt, "more than"),
    "high": (operator.le, "at most"),
    "below": (operator.lt, "less than"),
}


def _shown(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(_shown, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else f"{value}"


def _checked(key: Field, value: Any) -> Any:
    """Return the value in its key's type, or raise the ValueError that says what was expected."""
    limits, kind = key.metadata, key.type
    fault = f"{key.name} = {_shown(value)}: expected "
    if kind is str:
        if not isinstance(value, str):
            raise ValueError(fault + "a text")
    elif kind is int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(fault + "an integer")
    elif kind is float:
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
            raise ValueError(fault + "a finite number")
        value = float(value)
    else:
        whole = isinstance(value, (list, tuple)) and all(isinstance(v, int) and not isinstance(v, bool) for v in value)
        if not whole or not value:
            raise ValueError(fault + "a list of integers, such as [128, 128]")
        value = tuple(value)

    choices = limits.get("choices", (value,))
    if value not in (choices := choices() if callable(choices) else choices):
        hint = nearest(value, choices) if isinstance(value, str) else ""
        known = " or ".join(map(_shown, choices))
        raise ValueError(fault + known + (hint if "did you mean" in hint else ""))
    if "pattern" in limits and not re.fullmatch(limits["pattern"], value):
        raise ValueError(fault + limits["expected"])
    for number in value if isinstance(value, tuple) else (value,):
        for limit, (holds, words) in _LIMITS.items():
            if limit in limits and not holds(number, limits[limit]):
                raise ValueError(f"{fault}{words} {limits[limit]}")
    return value
