"""Build the site from the notebooks, as they are stored: nothing is executed, nothing is downloaded.

Each notebook becomes a page; exported cells become entries with signature and arguments, their source folded beneath.
A gallery of all figures and a list of all references are made from what the notebooks hold. Fail if Sphinx warns, a
link leads nowhere, or a public name has no entry.
"""

import argparse
import ast
import importlib
import inspect
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import nbformat
from nbdev.showdoc import BasicMarkdownRenderer, show_doc
from nbformat.v4 import new_code_cell, new_markdown_cell

ROOT = Path(__file__).resolve().parent.parent
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


def entry(thing, name):
    "Markdown: signature with the arguments' comments, and the docstring."
    text = show_doc(thing, renderer=BasicMarkdownRenderer)._repr_markdown_()
    text = re.sub(r"^---\s*\n", "", text)
    text = re.sub(r"\[source\]\([^)]*\)\{[^}]*\}\s*", "", text)
    text = re.sub(r"^#+ .*\n", f"### `{name}`\n", text, count=1, flags=re.MULTILINE)
    return text


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


def page(path, notebook, documented):
    "The cells of a page, from those of a notebook."
    module, cells, first = None, [], True
    for cell in notebook.cells:
        marks = directives(cell.source) if cell.cell_type == "code" else []
        if cell.cell_type == "markdown":
            text = relink(cell.source)
            if first:  # the line with > is the page's summary
                text = re.sub(r"^> (.*)$", r"*\1*", text, count=1, flags=re.MULTILINE)
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
            data.pop("application/vnd.jupyter.widget-view+json", None)
            if data or output.output_type == "stream":
                outputs.append(output)
        shown = new_code_cell(source.strip(), outputs=outputs)
        cells.append(shown)
    return cells


def gallery(pages):
    "A page with every figure that a notebook stores, each a link to where it comes from."
    text = ["# Gallery", "", "Every figure of the notebooks. A click leads to the page that it is from.", ""]
    count = 0
    for path, notebook in pages:
        pictures = []
        for cell in notebook.cells:
            for output in cell.get("outputs", []):
                if "image/png" in output.get("data", {}):
                    pictures.append(output.data["image/png"].replace("\n", ""))
        if pictures:
            href = lower(path).with_suffix(".html").as_posix()
            text.append(f"## {path.with_suffix('').as_posix()}\n")
            images = "".join(
                f'<a href="{href}"><img src="data:image/png;base64,{p}" alt="figure of {path.stem}" loading="lazy" '
                'style="height:130px;margin:4px"></a>'
                for p in pictures
            )
            text.append(f"<div>{images}</div>\n")
            count += len(pictures)
    return "\n".join(text), count


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


def dead_links(site):
    "Links of the built pages that lead to no file."
    dead = []
    for file in site.rglob("*.html"):
        for href in re.findall(r'href="([^"#?]+)', file.read_text(encoding="utf-8")):
            if not re.match(r"[a-z]+:|//", href) and not (file.parent / href).exists():
                dead.append(f"{file.relative_to(site)} -> {href}")
    return dead


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
        cells = page(path, notebook, documented)
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
    figures, figure_count = gallery(stored)
    (source / "gallery.md").write_text(figures, encoding="utf-8")
    cited, reference_count = references(stored)
    (source / "references.md").write_text(cited, encoding="utf-8")
    folders = {
        "Curriculum": ["walkthroughs/*"],
        "Guides": ["guides/*"],
        "Reproductions": ["reproductions/overview", "reproductions/*"],
        "Explorers": ["explore/*"],
        "Networks": ["mn/*"],
        "Mapping": ["map/*"],
        "Studies and training": ["study/*", "train", "weight_noise", "insitu/*"],
        "Crossbars": ["bh/crossbar/*"],
        "Devices": ["bh/memristor/*"],
        "Imperfections": ["bh/nonideality/*", "bh/nonideality/endurance_retention_models/*"],
        "Below": ["bh/converter", "bh/transfer", "bh/quantize", "bh/stochasticparameter", "show", "utils", "fuzz"],
        "Also": ["gallery", "references"],
    }
    index = nbformat.read(source / "index.ipynb", 4)
    for caption, globs in folders.items():
        listed = "\n".join(globs)
        index.cells.append(new_markdown_cell(f"```{{toctree}}\n:caption: {caption}\n:hidden:\n:glob:\n\n{listed}\n```"))
    for k, cell in enumerate(index.cells):
        cell.id = f"c{k}"
    nbformat.write(index, source / "index.ipynb")
    (source / "conf.py").write_text(
        f"""project = {cfg["title"]!r}
author = copyright = {cfg["author"]!r}
release = {cfg["version"]!r}
extensions = ["myst_nb"]
nb_execution_mode = "off"
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 4
html_theme = "furo"
html_title = {cfg["title"]!r}
html_copy_source = False
suppress_warnings = ["mystnb.unknown_mime_type", "myst.header", "misc.highlighting_failure"]
""",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-j", "2", "-b", "html"]
    if code := subprocess.call([*command, str(source), str(site)]):
        sys.exit(code)
    if dead := dead_links(site):
        sys.exit("dead links:\n" + "\n".join(dead))
    print(
        f"{len(stored)} pages, {len(documented)} entries, {figure_count} figures, {reference_count} references: "
        f"{site}/index.html"
    )


if __name__ == "__main__":
    main()
