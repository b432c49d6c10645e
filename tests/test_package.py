"""What holds for the package as a whole: imports, labels, versions, README."""

import ast
import functools
import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

import scratchgan

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "scratchgan").rglob("*.py"))
READERS = [
    *SOURCES,
    *sorted((ROOT / "tests").rglob("*.py")),
    *sorted((ROOT / "notebooks").rglob("*.py")),
    *sorted((ROOT / "notebooks").glob("*.md")),
    *sorted(ROOT.glob("*.md")),
    ROOT / "benchmarks" / "README.md",
]
#: what people read first
TEXTS = [*sorted(ROOT.glob("*.md")), ROOT / "benchmarks" / "README.md", *sorted((ROOT / ".github").rglob("*.md"))]

LABEL = re.compile(r"\(([A-Z][A-Za-z0-9]*)\.(\d+)((?:(?:, ?|-)\d+)*)\)")
#: a label is defined where it opens a line, perhaps after a word or two or another definition, and two blanks follow
DEFINITION = re.compile(r"(?:^\s*|^\s*[A-Za-z]+(?: [A-Za-z]+)?\s+|\s{2,})\(([A-Z][A-Za-z0-9]*\.\d+)\) {2,}(?=\S)")


@functools.cache
def definitions(path):
    return tuple(_definitions(ast.parse(path.read_text())))


def _definitions(tree):
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and (text := ast.get_docstring(node, False)):
            for line in text.splitlines():
                yield from DEFINITION.findall(line)


def cited(text):
    for name, first, more in LABEL.findall(text):
        last = int(first)
        yield f"{name}.{first}"
        for sign, number in re.findall(r"(, ?|-)(\d+)", more):
            numbers = range(last + 1, int(number) + 1) if sign == "-" else [int(number)]
            yield from (f"{name}.{n}" for n in numbers)
            last = int(number)


def test_every_equation_label_is_defined_once():
    counts = Counter(label for path in SOURCES for label in definitions(path))
    assert len(counts) > 40
    assert {label: n for label, n in counts.items() if n > 1} == {}


@pytest.mark.parametrize("path", READERS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_cited_label_exists(path):
    known = {label for source in SOURCES for label in definitions(source)}
    own = {label for labels in labels_of_chapters().values() for label in labels}
    assert set(cited(path.read_text())) - known - own == set()


def labels_of_chapters():
    """{chapter's file: the labels that stand behind its formulas and in no docstring}."""
    known = {label for source in SOURCES for label in definitions(source)}
    return {
        path: {label for label in re.findall(r"\\text\{\((\w+\.\d+)\)\}", path.read_text()) if label not in known}
        for path in sorted((ROOT / "notebooks" / "source").glob("*.py"))
    }


def test_a_chapters_own_label_belongs_to_one_chapter():
    counts = Counter(label for labels in labels_of_chapters().values() for label in labels)
    assert {label: n for label, n in counts.items() if n > 1} == {}


def test_the_label_rules_themselves():
    assert set(cited("(Norm.1, 3) and (Adam.1-4)")) == {"Norm.1", "Norm.3", "Adam.1", "Adam.2", "Adam.3", "Adam.4"}
    assert DEFINITION.findall("    Forward   (Dense.1)   y = x W   (Dense.2)  z") == ["Dense.1", "Dense.2"]
    assert DEFINITION.findall("by (Dense.1) and so on") == []


def equations(text):
    """Yield (label, equation) of a docstring: whatever has a = sign between commas or wide gaps, without blanks."""
    for line in text.splitlines():
        parts = DEFINITION.split(line)
        for label, said in zip(parts[1::2], parts[2::2]):
            for clause in re.split(r"\s{2,}|;|, (?![^(]*\))", said):
                equation = re.sub(r"\(x\)|\s|[,.:;]$", "", clause)
                if "=" in equation and len(equation) >= 10 and not re.search(r"=[-\d.e]+$", equation):
                    yield label, equation


def docstrings(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and (text := ast.get_docstring(node, False)):
            yield isinstance(node, ast.Module), text


def test_no_equation_is_told_under_two_labels():
    """What is known already is cited.  Two classes may compute the same, and each says so; a module's text may not."""
    found = {}
    for path in SOURCES:
        for of_module, text in docstrings(path):
            for label, equation in equations(text):
                found.setdefault(equation, {})[label] = of_module
    twice = {equation: list(labels) for equation, labels in found.items() if len(labels) > 1 and any(labels.values())}
    assert len(found) > 100
    assert twice == {}


def test_the_rule_about_equations_itself():
    loss = "    (Loss.3)   D*(x) = p(x) / (p(x) + q(x)),       and then V(D*, G) = 2 JSD(p, q) - log 4"
    assert ("Loss.3", "D*=p/(p+q)") in equations(loss)
    assert ("OptimalD.1", "D*=p/(p+q)") in equations(
        "    (OptimalD.1)   minimax, game   D* = p / (p + q),   logit log p - log q"
    )
    assert list(equations("    (Line.1)   x = a + b, eps = 2.2e-16, m = a")) == []


def test_a_prime_is_a_derivative():
    """The logit is C(x), the Jacobian of the game J."""
    for path in (*SOURCES, *sorted((ROOT / "notebooks" / "source").glob("*.py"))):
        assert not re.search(r"\b[Dv]'(?:\(|\^|\*| [-+=]|\$)", path.read_text()), path


def test_docstrings_with_backslashes_are_raw():
    """`\\frac` in a plain docstring is a form feed and "rac"."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                text = ast.get_docstring(node, False) or ""
                assert not re.search(r"[\x00-\x08\x0b-\x1f]", text), f"{path}: {getattr(node, 'name', 'module')}"


def test_import_is_light():
    code = (
        "import sys, scratchgan, scratchgan.data, scratchgan.models, scratchgan.gradcheck; "
        "print([m for m in ('numba', 'matplotlib', 'PIL', 'pooch', 'tqdm', 'requests') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def code_of(path):
    """The code of a file, without its comments and docstrings: these may explain what is forbidden."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            node.body[0] = ast.Pass()
    return ast.unparse(tree)


def test_no_pickle_no_global_seed_no_fastmath():
    forbidden = re.compile(
        r"allow_pickle\s*=\s*True|\bimport pickle|fastmath\s*=\s*True"
        r"|np\.random\.(seed|rand|randn|normal|uniform|randint)\("
    )
    for path in SOURCES:
        assert not forbidden.search(code_of(path)), path


def test_code_is_read_without_what_explains_it(tmp_path):
    path = tmp_path / "a.py"
    path.write_text('"""import pickle"""\ndef f():\n    "import pickle"\n    import pickle  # import pickle\n')
    assert code_of(path).count("import pickle") == 1


def test_version_stands_everywhere():
    assert f"version: {scratchgan.__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"## {scratchgan.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_extras_and_scripts():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {"test", "notebooks", "dev"} <= set(project["optional-dependencies"])
    assert project["scripts"] == {"scratchgan": "scratchgan.cli:main"}
    assert not any("<" in requirement for requirement in project["dependencies"])


def test_readme_has_exactly_two_one_line_bash_blocks():
    """`.ci/run` takes the second one from here."""
    blocks = re.findall(r"^```bash\n(.*?)\n```$", (ROOT / "README.md").read_text(), re.M | re.S)
    assert len(blocks) == 2
    assert all("\n" not in block for block in blocks)
    assert "scratchgan train" in blocks[0]
    assert "pytest" in blocks[1]


def test_readme_can_be_read_in_one_go():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 130
    assert len((ROOT / "GLOSSARY.md").read_text().splitlines()) <= 60  # a page


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_and_pictures_of_a_text_exist(path):
    text = path.read_text()
    headings = {
        re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-") for h in re.findall(r"^#+ (.*)$", text, re.M)
    }
    for target in re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text):
        if target.startswith("#"):
            assert target[1:] in headings, target
        elif "://" not in target:
            assert (path.parent / target.split("#")[0]).exists(), f"{path.name} links to {target}, which is not there"


def test_the_readme_shows_the_order_of_reading_first():
    text = (ROOT / "README.md").read_text()
    order = ["gan", "losses/minimax", "layers/dense", "families", "core", "penalties", "models/"]
    places = [text.index(f"(scratchgan/{name}") for name in order]
    assert places == sorted(places)
    assert places[-1] < text.index("## The course") < text.index("## A map of the source")


def test_the_map_has_a_row_for_each_room():
    text = (ROOT / "README.md").read_text()
    rows = "".join(line for line in text.splitlines() if line.startswith("| `"))
    for path in sorted((ROOT / "scratchgan").iterdir()):
        if path.is_dir() and (path / "__init__.py").is_file():
            assert f"{path.name}/`" in rows, f"README's map has no row for scratchgan/{path.name}/"
        elif path.suffix == ".py" and not path.name.startswith("__") and path.name != "checks.py":
            assert f"{path.name}`" in rows, f"README's map has no row for scratchgan/{path.name}"


def test_every_program_and_picture_of_the_benchmarks_is_in_their_readme():
    folder = ROOT / "benchmarks"
    text = (folder / "README.md").read_text()
    programs = {path.stem for path in folder.glob("*.py") if "if __name__ ==" in path.read_text()}
    parts = {name for name in programs if name.startswith("peer_")}  # started by benchmarks.peers
    for name in programs - parts:
        assert f"python -m benchmarks.{name}" in text, f"benchmarks/README.md does not name benchmarks.{name}"


def stages():
    listed = re.search(r'^all="(.*)"$', (ROOT / ".ci" / "run").read_text(), re.M)[1]
    return [*listed.split(), "coverage"]


def test_the_workflow_runs_every_stage_and_no_other():
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    called = re.search(r"stage: \[(.*)\]", text)[1].split(", ") + re.findall(r"\.ci/run (\w+)$", text, re.M)
    assert sorted(called) == sorted(stages())
    script = (ROOT / ".ci" / "run").read_text()
    for stage in stages():
        assert f"\n{stage}() {{" in script, f".ci/run has no stage {stage}"
    for file in re.findall(r"tests/[\w/]+\.py", script):
        assert (ROOT / file).is_file(), f".ci/run names {file}, which is not there"


def test_the_workflow_knows_every_python_that_is_supported():
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    versions = re.findall(r'"(3\.\d+)"', re.search(r"python: \[(.*)\]", text)[1])
    least = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert least == f">={versions[0]}"
    actions = re.findall(r"uses: (\S+)@v\d+", text)
    assert set(actions) == {"actions/checkout", "actions/setup-python"}
    assert "://" not in text


def test_hooks_before_a_commit_download_nothing():
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"repo: (\S+)", text) == ["local"]
    assert set(re.findall(r"language: (\S+)", text)) == {"system"}


# -- the repository's address -----------------------------------------------------------------------------------------

#: texts that may name the repository, and what else would be an address
SILENT = [*TEXTS, ROOT / "pyproject.toml", ROOT / "CITATION.cff", *sorted((ROOT / ".github").rglob("*.yml"))]
ADDRESS = re.compile(r"https?://(?!semver\.org)[\w./-]+|\[!\[|img\.shields|^\[project\.urls\]|^repository-code", re.M)


def to_fill_in(address, pyproject, citation):
    """What lacks the repository's address, or another one: a line for each place.  RELEASING.md tells the same."""
    urls = tomllib.loads(pyproject)["project"].get("urls", {})
    found = []
    for key in ("Repository", "Changelog"):
        if not urls.get(key, "").startswith(address):
            found.append(f"pyproject.toml: [project.urls] needs {key}, beginning with {address}")
    if f'repository-code: "{address}"\n' not in citation:
        found.append(f'CITATION.cff: needs the line repository-code: "{address}"')
    return found


def test_the_repositorys_address_stands_everywhere_or_nowhere():
    pyproject, citation = (ROOT / "pyproject.toml").read_text(), (ROOT / "CITATION.cff").read_text()
    if scratchgan.REPOSITORY:
        assert to_fill_in(scratchgan.REPOSITORY, pyproject, citation) == []
    else:
        for path in SILENT:
            assert ADDRESS.findall(path.read_text()) == [], f"{path.name} has an address, REPOSITORY is empty"


def test_what_to_fill_in_once_there_is_an_address():
    pyproject, citation = (ROOT / "pyproject.toml").read_text(), (ROOT / "CITATION.cff").read_text()
    address = "https://code.example/scratchgan"
    wanted = to_fill_in(address, pyproject, citation)
    if not scratchgan.REPOSITORY:
        assert [line.split(":")[0] for line in wanted] == ["pyproject.toml", "pyproject.toml", "CITATION.cff"]
    urls = f'\n[project.urls]\nRepository = "{address}"\nChangelog = "{address}/CHANGELOG.md"\n'
    filled = re.sub(r"\n\[project\.urls\][^[]*", "\n", pyproject) + urls
    assert to_fill_in(address, filled, f'{citation}repository-code: "{address}"\n') == []
    releasing = (ROOT / "RELEASING.md").read_text()
    for word in ("REPOSITORY", "[project.urls]", "`Repository`", "`Changelog`", "`repository-code`"):
        assert word in releasing, word


def test_public_names_come_when_asked_for():
    for name in scratchgan.__all__:
        assert getattr(scratchgan, name) is not None
    assert scratchgan.losses.Minimax
    assert {"GAN", "gan", "penalties"} <= set(dir(scratchgan))
    with pytest.raises(AttributeError, match="has no attribute 'nosuch'"):
        _ = scratchgan.nosuch
    code = "import sys, scratchgan; print('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
