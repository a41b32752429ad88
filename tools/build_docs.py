"""Build the site from the notebooks, as they are stored: nothing is executed, nothing is downloaded.

Each notebook becomes a page; exported cells become entries with signature and arguments, their source folded beneath.
A gallery of all figures and a list of all references are made from what the notebooks hold. Fail if Sphinx warns, a
link leads nowhere, or a public name has no entry.
"""

import argparse
import ast
import dataclasses
import enum
import fnmatch
import functools
import importlib
import inspect
import re
import shutil
import subprocess
import sys
import types
from configparser import ConfigParser
from html import escape
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell

from memnb.docstrings import Documenting, argument_comments, field_comments

sys.meta_path.remove(Documenting)  # arguments have their comments in the signature here
ROOT = Path(__file__).resolve().parent.parent
# walkthroughs in the order of a course; the numbers of their files are names
COURSE = (1, 23, 20, 2, 12, 21, 6, 3, 4, 7, 22, 5, 8, 9, 10, 16, 11, 19, 18, 14, 17, 15)
SHOWN_ELSEWHERE = "nbdev_export"  # the last cell of every module's notebook
LINK = re.compile(r"(\]\()([^)#:\s]+?\.ipynb)(#[^)]*)?\)")
DOI = re.compile(r"https?://doi\.org/([^\s)\]>\"]+)")


def directives(source):
    return [line[2:].strip() for line in source.splitlines() if line.startswith("#|")]


def lower(path):
    "Pages have lower-case names, which nbdev's index of symbols expects."
    return Path(*(part.lower() for part in path.parts))


def relink(text):
    return LINK.sub(lambda m: f"{m[1]}{m[2].lower()}{(m[3] or '').lower()})", text)


def public_names(source):
    "Functions and classes that a cell defines, without methods that @patch adds and names with an underscore."
    kinds = (ast.FunctionDef, ast.ClassDef)
    patched = lambda n: any(ast.unparse(d).partition("(")[0] == "patch" for d in n.decorator_list)
    return [n.name for n in ast.parse(source).body if isinstance(n, kinds) and n.name[0] != "_" and not patched(n)]


def written(value):
    "An annotation or a default, as a reader would write it."
    if value is None or value is type(None):
        return "None"
    if isinstance(value, types.UnionType):
        return " or ".join(map(written, value.__args__))
    if isinstance(value, functools.partial):
        given = [*map(written, value.args), *(f"{k}={written(v)}" for k, v in value.keywords.items())]
        return f"partial({', '.join([written(value.func), *given])})"
    if isinstance(value, enum.Enum):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type) and value == type(value)():
        return f"{type(value).__name__}()"
    if isinstance(value, str) or isinstance(value, types.GenericAlias):
        return repr(value)
    return getattr(value, "__name__", None) or str(value).replace("torch.nn.modules.module.", "torch.nn.")


def signature(thing, name):
    "Python: a line for each argument, with its comment."
    defined = inspect.unwrap(thing.__init__ if inspect.isclass(thing) else thing)
    if inspect.isclass(thing) and "__dataclass_fields__" in vars(thing):  # its __init__ has no source
        own = [c for c in thing.__mro__[::-1] if "__dataclass_fields__" in vars(c)]
        comments = {k: v for c in own for k, v in field_comments(inspect.findsource(c)[0], c.__name__).items()}
        returns = None
    else:
        try:
            comments, returns = argument_comments(*inspect.findsource(defined))
        except (OSError, TypeError):  # of another package, in C
            comments, returns = {}, None
    try:
        called = inspect.signature(thing)
    except ValueError:  # an exception is made in C, too
        called = inspect.Signature()
    rows, starred = [], False
    for parameter in called.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            rows.append("    *,")
        starred |= parameter.kind in (parameter.VAR_POSITIONAL, parameter.KEYWORD_ONLY)
        text = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "") + parameter.name
        comment = comments.get(text)
        if parameter.annotation is not parameter.empty:
            kind = parameter.annotation
            text += f": {kind if isinstance(kind, str) else written(kind)}"
        if parameter.default is not parameter.empty:
            default = written(parameter.default).replace("<factory>", "...")
            text += f" = {default}" if ":" in text else f"={default}"
        rows.append(f"    {text},{f'  # {comment}' if comment else ''}")
    result, end = called.return_annotation, f"  # {returns}" if returns else ""
    if result not in (called.empty, None):
        end = f" -> {result if isinstance(result, str) else written(result)}{end}"
    keyword = "class" if inspect.isclass(thing) else "def"
    middle = "\n" + "\n".join(rows) + "\n" if rows else ""
    return f"```python\n{keyword} {name.rpartition('.')[2]}({middle}){end}\n```"


def entry(thing, name):
    "Markdown: signature with the arguments' comments, and the docstring, whose example is code."
    text = inspect.getdoc(thing) or ""
    example = r"(?m)^Example:\n((?: {4}.*\n?|\n(?= {4}))+)"
    text = re.sub(example, lambda m: f"```pycon\n{inspect.cleandoc(m[1])}\n```\n", text)
    first, _, rest = text.partition("\n\n")
    first = first if "```" in first or "\n" in first else f"*{first}*"
    return f"### `{name}`\n\n{signature(thing, name)}\n\n{first}\n\n{rest}"


def entries(module, source):
    "Markdown for what a cell exports: functions, classes and their own public methods."
    parts = []
    for name in public_names(source):
        thing = getattr(module, name)
        parts.append(entry(thing, name))
        if inspect.isclass(thing):
            for method, value in vars(thing).items():
                plain = value.__func__ if isinstance(value, (classmethod, staticmethod)) else value
                if method[0] != "_" and inspect.isfunction(plain) and plain.__doc__:
                    parts.append(entry(getattr(thing, method), f"{name}.{method}").replace("### ", "#### ", 1))
                elif method[0] != "_" and isinstance(value, property) and value.__doc__:
                    parts.append(f"#### `{name}.{method}`\n\n*{inspect.cleandoc(value.__doc__)}*")
    return "\n\n".join(parts)


def page(path, notebook, documented, where):
    "The cells of a page, from those of a notebook; `where` notebooks lie for all to see."
    module, cells, first = None, [], True
    for cell in notebook.cells:
        marks = directives(cell.source) if cell.cell_type == "code" else []
        if cell.cell_type == "markdown":
            text = relink(cell.source)
            if first:  # the line with > is the page's summary
                link = f" ([notebook]({where}/{path.as_posix()}))"
                text = re.sub(r"^> (.*)$", lambda m: f"*{m[1]}*{link}", text, count=1, flags=re.MULTILINE)
                first = False
            cells.append(new_markdown_cell(text))
            continue
        for mark in marks:
            if mark.startswith("default_exp"):
                module = importlib.import_module(f"memnb.{mark.split()[1]}")
                cells.append(new_markdown_cell(f"```python\nfrom {module.__name__} import *\n```"))
        if "hide" in marks or SHOWN_ELSEWHERE in cell.source or any("default_exp" in m for m in marks):
            continue
        source = "\n".join(line for line in cell.source.splitlines() if not line.startswith("#|"))
        if "export" in marks:
            if api := entries(module, source):
                cells.append(new_markdown_cell(api))
                documented.update(f"{module.__name__}.{n}" for n in public_names(source))
            folded = new_code_cell(source.strip())
            folded.metadata["tags"] = ["hide-input"]
            cells.append(folded)
            continue
        outputs = []
        for output in cell.outputs:
            data = output.get("data", {})
            if data.pop("application/vnd.jupyter.widget-view+json", None) is not None:
                data.pop("text/plain", None)  # how a widget's parts are called says nothing to a reader
            if data or output.output_type == "stream":
                outputs.append(output)
        shown = new_code_cell(source.strip(), outputs=outputs)
        if "code-fold: true" in marks or cell.metadata.get("jupyter", {}).get("source_hidden"):
            shown.metadata["tags"] = ["hide-input"]
        cells.append(shown)
    return cells


def title(notebook):
    "Heading and summary of a page."
    text = next((c.source for c in notebook.cells if c.cell_type == "markdown"), "")
    heading, summary = (re.search(rf"^{mark} (.+)$", text, re.MULTILINE) for mark in ("#", ">"))
    return heading[1] if heading else "", summary[1] if summary else ""


def pictures(notebook):
    "(heading that it stands under, PNG in base64) of each figure."
    under = title(notebook)[0]
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (found := re.findall(r"^#{2,4} (.+)$", cell.source, re.MULTILINE)):
            under = found[-1]
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                yield re.sub(r"[`*$]", "", under), output.data["image/png"].replace("\n", "")


def gallery(sections):
    "A page with every figure that a notebook stores, by topic, each a link to where it comes from."
    text = ["# Gallery", "", "Every figure of the notebooks. A click leads to the page that it is from.", ""]
    count = 0
    for caption, pages in sections.items():
        figures = [(path, *figure) for path, notebook in pages for figure in pictures(notebook)]
        if figures:
            images = "".join(
                f'<a href="{lower(path).with_suffix(".html").as_posix()}" style="display:inline-block;margin:4px;'
                f'width:min-content;vertical-align:top;font-size:75%"><img src="data:image/png;base64,{png}" '
                f'alt="{escape(under)}" loading="lazy" style="height:130px;max-width:44rem;object-fit:contain">'
                f"{escape(under)}</a>"
                for path, under, png in figures
            )
            text += [f"## {caption}\n", f"<div>{images}</div>\n"]
            count += len(figures)
    return "\n".join(text), count


def section(caption, pages, note=""):
    "A page that lists those of a topic, with their summaries, whose links are as from those pages."
    summary = lambda p, n: LINK.sub(lambda m: f"{m[1]}/{lower(p.parent / m[2]).as_posix()}{m[3] or ''})", title(n)[1])
    rows = [f"* [{title(n)[0] or p.stem}](/{lower(p).as_posix()}): {summary(p, n)}" for p, n in pages]
    listed = "\n".join(f"/{lower(p).with_suffix('').as_posix()}" for p, _ in pages)
    return "\n".join([f"# {caption}", "", note, "", *rows, "", "```{toctree}", ":hidden:", "", listed, "```", ""])


def references(pages):
    "A page with every reference that has a DOI, and the pages that cite it."
    cited = {}
    for path, notebook in pages:
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                for line in cell.source.splitlines():
                    for doi in DOI.findall(line):
                        text = re.sub(r"^[\s*\-|>0-9.]+", "", line).strip()
                        kept = cited.setdefault(doi.rstrip("."), [text, []])
                        kept[1].append(path)
    text = ["# References", "", "What the notebooks cite by DOI, and where.", ""]
    for doi, (line, paths) in sorted(cited.items(), key=lambda item: item[1][0].lower()):
        places = ", ".join(f"[{p.with_suffix('').as_posix()}]({lower(p).as_posix()})" for p in dict.fromkeys(paths))
        text.append(f"* {line if len(line) < 400 else f'<https://doi.org/{doi}>'}\n  In {places}.")
    return "\n".join(text), len(cited)


def install(readme):
    "The page on installation: what the README says of it, and of other systems."
    text = re.search(r"(?ms)^## Install\n(.*?)^## ", readme.read_text(encoding="utf-8"))[1]
    return (
        f"# Install\n{text}\nmemnb is pure Python: Linux, macOS and Windows alike. Without `make`, as on Windows, the "
        "same two steps are\n\n```sh\npython -m venv .venv\n"
        ".venv\\Scripts\\pip install -c constraints.txt torch -e .[dev]\n"
        ".venv\\Scripts\\jupyter lab nbs/walkthroughs/01_quickstart.ipynb\n```\n\nThe tests run on Linux only.\n"
    )


def dead_links(site):
    "Links of the built pages that lead to no file."
    dead = []
    for file in site.rglob("*.html"):
        for href in re.findall(r'href="([^"#?]+)', file.read_text(encoding="utf-8")):
            if not re.match(r"[a-z]+:|//", href) and not (file.parent / href).exists():
                dead.append(f"{file.relative_to(site)} -> {href}")
    return dead


def raw_formulas(site):
    "Pages on which a formula is still in TeX: a dollar that no code holds."
    found = []
    for file in site.rglob("*.html"):
        text = re.sub(r"(?s)<(pre|code|script|style|annotation)\b.*?</\1>", "", file.read_text(encoding="utf-8"))
        prose = re.sub(r"<[^>]*>", "", text)
        if match := re.search(r"\$[^$\n]{1,80}\$|\\\(|\\\[", prose):
            found.append(f"{file.relative_to(site)}: {match[0]}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", type=Path, nargs="?", default=ROOT / "_site")
    site = parser.parse_args().site.resolve()
    config = ConfigParser(delimiters=["="])
    config.read(ROOT / "settings.ini", encoding="utf-8")
    cfg = config["DEFAULT"]
    source = ROOT / "build" / "site_source"
    shutil.rmtree(source, ignore_errors=True)
    shutil.rmtree(site, ignore_errors=True)
    nbs = ROOT / cfg["nbs_path"]
    paths = sorted(p.relative_to(nbs) for p in nbs.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
    stored = [(p, nbformat.read(nbs / p, 4)) for p in paths]
    documented = set()
    for path, notebook in stored:
        cells = page(path, notebook, documented, f"{cfg['git_url']}/blob/{cfg['branch']}/{cfg['nbs_path']}")
        built = nbformat.v4.new_notebook(cells=cells, metadata=dict(notebook.metadata))
        for k, cell in enumerate(built.cells):
            cell.id = f"c{k}"
        target = source / lower(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(built, target)
    missing = []
    for module in sorted({name.rpartition(".")[0] for name in documented}):
        exported = importlib.import_module(module)
        for name in exported.__all__:
            thing = getattr(exported, name)
            if inspect.isfunction(thing) or inspect.isclass(thing):
                # another name for the same has no entry of its own, nor has what is from a page below
                if f"{thing.__module__}.{thing.__name__}" not in documented:
                    missing.append(f"{module}.{name}")
    if missing:
        sys.exit(f"public names without an entry: {missing}")
    folders = {
        "Curriculum": [f"walkthroughs/{number:02}_*" for number in COURSE],
        "Guides": ["guides/*"],
        "Reproductions": ["reproductions/overview", "reproductions/*"],
        "Explorers": ["explore/*"],
        "Networks": ["mn/*"],
        "Mapping": ["map/*"],
        "Studies and training": ["study/*", "train", "weight_noise", "learned_ranges", "insitu/*"],
        "Crossbars": ["bh/crossbar/*"],
        "Devices": ["bh/memristor/*"],
        "Imperfections": ["bh/nonideality/*", "bh/nonideality/endurance_retention_models/*"],
        "Below": [
            "bh/converter",
            "bh/transfer",
            "bh/quantize",
            "bh/stochasticparameter",
            "show",
            "utils",
            "messages",
            "docstrings",
            "fuzz",
        ],
    }
    fits = lambda p, glob: fnmatch.fnmatch(lower(p).with_suffix("").as_posix(), glob)
    # in the order of the globs, each page once
    sections = {
        caption: list({p: (p, n) for glob in globs for p, n in stored if fits(p, glob)}.values())
        for caption, globs in folders.items()
    }
    placed = [p for pages in sections.values() for p, _ in pages]
    if lost := sorted({p for p, _ in stored} - {*placed, Path("index.ipynb")}):
        sys.exit(f"pages in no section: {[str(p) for p in lost]}")
    (source / "sections").mkdir()
    for caption, pages in sections.items():
        name = caption.lower().replace(" ", "_")
        note = "In the order of a course. The numbers are the pages' names." if caption == "Curriculum" else ""
        (source / "sections" / f"{name}.md").write_text(section(caption, pages, note), encoding="utf-8")
    figures, figure_count = gallery(sections)
    (source / "gallery.md").write_text(figures, encoding="utf-8")
    cited, reference_count = references(stored)
    (source / "references.md").write_text(cited, encoding="utf-8")
    (source / "install.md").write_text(install(ROOT / "README.md"), encoding="utf-8")
    tasks = {
        "Begin": ["install", "sections/curriculum", "sections/guides"],
        "Use": [
            f"sections/{c.lower().replace(' ', '_')}" for c in sections if c not in ("Curriculum", "Guides", "Below")
        ],
        "Look up": ["gallery", "references", "sections/below"],
    }
    index = nbformat.read(source / "index.ipynb", 4)
    for caption, names in tasks.items():
        listed = "\n".join(names)
        index.cells.append(new_markdown_cell(f"```{{toctree}}\n:caption: {caption}\n:hidden:\n\n{listed}\n```"))
    for k, cell in enumerate(index.cells):
        cell.id = f"c{k}"
    nbformat.write(index, source / "index.ipynb")
    (source / "conf.py").write_text(
        f"""project = {cfg["title"]!r}
author = copyright = {cfg["author"]!r}
release = {cfg["version"]!r}
import sys
sys.path.insert(0, {str(source)!r})
extensions = ["myst_nb", "sphinx_copybutton", "mathml"]
html_math_renderer = "mathml"
nb_execution_mode = "off"
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 4
html_theme = "furo"
html_title = {cfg["title"]!r}
html_copy_source = False
copybutton_selector = "div.cell_input div.highlight pre, div.highlight-sh pre, div.highlight-python pre"
suppress_warnings = ["mystnb.unknown_mime_type", "myst.header", "misc.highlighting_failure"]
""",
        encoding="utf-8",
    )
    shutil.copy(ROOT / "tools" / "mathml.py", source)
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-j", "2", "-b", "html"]
    if code := subprocess.call([*command, str(source), str(site)]):
        sys.exit(code)
    if dead := dead_links(site):
        sys.exit("dead links:\n" + "\n".join(dead))
    if raw := raw_formulas(site):
        sys.exit("formulas that aren't rendered:\n" + "\n".join(raw))
    print(
        f"{len(stored)} pages, {len(documented)} entries, {figure_count} figures, {reference_count} references: "
        f"{site}/index.html"
    )


if __name__ == "__main__":
    main()
