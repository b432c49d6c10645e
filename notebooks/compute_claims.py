"""The claims of the chapters, computed.

    python notebooks/compute_claims.py [CHAPTER ...]        run the solved chapters and compute what they claim
    python notebooks/compute_claims.py --open [CHAPTER ...] the sentences and titles that no claim covers, without running

notebooks/claims/NN.toml has a table for each claim of chapter NN:

    says    a piece of one line of the chapter's text, or of a line of its code (a title is a claim as well)

and one of

    check   a Python expression that is true if the claim holds, computed with the names of the chapter as they are right
            after the cell that contains the line of code `after`
    check   the same, with `result` the name of a committed file (benchmarks/results/x.json), and `command` what makes it
    test    "tests/path/test_x.py::test_name", which computes it

Besides the chapter's names, `check` may use

    said        the numbers in `says`, in order: the claim then follows the sentence, whoever changes it
    printed     the text that the cell has printed
    numbers(s)  the numbers in the first printed line that contains s, after s
    near(a, b, within)  |a - b| <= within, for all entries
    result      the content of the file
    np          NumPy

`seeds = 5` says on how many seeds the values were computed, where chance matters; without it the sentence says that it
is about one run, or nothing in it is random.
"""

from __future__ import annotations

import argparse
import json
import re
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent
CLAIMS = HERE / "claims"
NUMBER = re.compile(r"(?<![\w.])[-−]?\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?(?![\w])")
FORMULA = re.compile(r"\$[^$]*\$|`[^`]*`|\]\([^)]*\)|\((?:[A-Z]\w*\.\d+)\)|\b(?:19|20)\d\d\b")
WORDS = re.compile(
    r"\b(never|always|cannot|every|each time|all of|none|no|best|worst|only|hardly|towards|away|faster|slower|more|less|"
    r"fewer|larger|smaller|rises?|falls?|grows?|shrinks?|better|worse|most|least|first|last|half|twice)\b",
    re.IGNORECASE,
)

# What the kernel runs after a cell: one line of JSON with the verdict on each claim.
HELPERS = """
def near(a, b, within):
    return bool(np.all(np.abs(np.asarray(a, float) - np.asarray(b, float)) <= within))


def numbers(piece):
    for line in printed.splitlines():
        if piece in line:
            found = re.findall(pattern, line[line.index(piece) + len(piece):])
            return [float(number.replace(",", "").replace("\\u2212", "-")) for number in found]
    raise LookupError(f"no printed line contains {piece!r}")


verdicts = []
for check, said in claims:
    try:
        held = bool(eval(check, {**names, "said": said, "printed": printed, "numbers": numbers, "near": near, "np": np}))
        verdicts.append(held or "false")
    except Exception as error:
        verdicts.append(f"{type(error).__name__}: {error}")
"""


def number(text: str) -> float:
    """The value of a number as it stands in a text."""
    return float(text.replace(",", "").replace("\u2212", "-"))


def read(chapter: str) -> list[dict[str, Any]]:
    """The claims of a chapter, such as "07"; an empty list if it has none."""
    path = CLAIMS / f"{chapter}.toml"
    return tomllib.loads(path.read_text())["claim"] if path.is_file() else []


def said(claim: dict[str, Any]) -> list[float]:
    """The numbers in the sentence of a claim."""
    return [number(found) for found in NUMBER.findall(claim["says"])]


def compute_result(claim: dict[str, Any]) -> str | None:
    """None if a claim about a committed result holds, otherwise what is wrong."""
    result = json.loads((ROOT / claim["result"]).read_text())
    return _evaluate([claim], {"result": result}, "")[0]


def _evaluate(claims: list[dict[str, Any]], names: dict[str, Any], printed: str) -> list[str | None]:
    import numpy as np

    scope = {"np": np, "re": re, "pattern": NUMBER.pattern, "names": names, "printed": printed}
    scope["claims"] = [(claim["check"], said(claim)) for claim in claims]
    exec(HELPERS, scope)
    return [None if verdict is True else verdict for verdict in scope["verdicts"]]


def cell_of(claim: dict[str, Any], sources: list[str]) -> int:
    """The number of the cell after which a claim is computed.  ValueError if no cell, or several, contain its line."""
    found = [index for index, source in enumerate(sources) if claim["after"] in source]
    if len(found) != 1:
        raise ValueError(f"{len(found)} cells contain {claim['after']!r}; the line of a claim stands in one")
    return found[0]


def client(notebook: Any, claims: list[dict[str, Any]], wrong: list[str], **options: Any) -> Any:
    """A client of nbclient that computes the claims of each cell behind it; what does not hold is appended to `wrong`."""
    import nbformat
    from nbclient import NotebookClient

    sources = [cell.source if cell.cell_type == "code" else "" for cell in notebook.cells]
    here: dict[int, list[dict[str, Any]]] = {}
    for claim in claims:
        if "after" in claim:
            here.setdefault(cell_of(claim, sources), []).append(claim)

    class Client(NotebookClient):
        async def async_execute_cell(self, cell: Any, cell_index: int, *given: Any, **more: Any) -> Any:
            cell = await super().async_execute_cell(cell, cell_index, *given, **more)
            if asked := here.get(cell_index, []):
                hidden = nbformat.v4.new_code_cell(_code(asked, cell))
                await super().async_execute_cell(hidden, cell_index, store_history=False)
                self.nb.cells[cell_index] = cell
                self.code_cells_executed -= 1  # the hidden cell does not count
                answer = "".join(output.text for output in hidden.outputs if output.get("name") == "stdout")
                for claim, verdict in zip(asked, json.loads(answer), strict=True):
                    if verdict is not True:
                        wrong.append(f"{claim['says']!r}: {claim['check']} is {verdict}")
            return cell

    return Client(notebook, **options)


def _code(claims: list[dict[str, Any]], cell: Any) -> str:
    """What the kernel runs behind a cell; it leaves the names of the chapter alone."""
    scope = {
        "pattern": NUMBER.pattern,
        "printed": "".join(output.text for output in cell.outputs if output.get("name") == "stdout"),
        "claims": [(claim["check"], said(claim)) for claim in claims],
    }
    return (
        f"exec({HELPERS!r}, __claims__ := dict(np=__import__('numpy'), re=__import__('re'), names=globals(), **{scope!r}))\n"
        "print(__import__('json').dumps(__claims__['verdicts']))\ndel __claims__"
    )


def run(source: Path) -> list[str]:
    """Run the solved version of a chapter; the claims that do not hold, a line each."""
    from build import cells, execute

    claims = read(source.stem.split("_")[0])
    wrong = [f"{c['says']!r}: {c['check']} is {no}" for c in claims if "result" in c and (no := compute_result(c))]
    execute(cells(source, True), HERE, claims, wrong)
    return wrong


# -- what no claim covers ---------------------------------------------------------------------------------------------


def lines(source: Path) -> list[tuple[int, bool, str]]:
    """(line number, whether it is text, line without comment signs) of a chapter's source."""
    found, inside = [], False
    for at, line in enumerate(source.read_text().splitlines(), 1):
        if line.startswith("# %%"):
            inside = "[markdown]" in line
        else:
            found.append((at, inside, line.removeprefix("#").removeprefix(" ") if inside else line))
    return found


def uncovered(source: Path) -> list[str]:
    """Lines of text with a number or a word that claims something, and titles, that no claim covers."""
    pieces = [claim["says"] for claim in read(source.stem.split("_")[0])]
    found = []
    for at, text, line in lines(source):
        bare = FORMULA.sub(" ", line)
        interesting = (NUMBER.search(bare) or WORDS.search(bare)) if text else re.search(r"title\(|title=", line)
        if interesting and not any(piece in line for piece in pieces):
            found.append(f"{source.name}:{at}: {line.strip()}")
    return found


def main() -> int:
    """The command; returns its exit code."""
    from build import sources

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help="their numbers, such as 03; default: all")
    parser.add_argument("--open", action="store_true", help="only list what no claim covers")
    options = parser.parse_args()
    wrong = []
    for source in sources(options.chapters):
        found = uncovered(source) if options.open else run(source)
        claims = len(read(source.stem.split("_")[0]))
        print(f"{source.stem}: {claims} claims, {len(found)} {'lines without one' if options.open else 'wrong'}")
        print("\n".join(f"  {line}" for line in found))
        wrong += found
    return int(bool(wrong) and not options.open)


if __name__ == "__main__":
    raise SystemExit(main())
