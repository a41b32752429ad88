"Fail if prose has a turn that stops a reader: in pages, docstrings, comments, messages and Markdown files."

import io
import re
import sys
import tokenize
from pathlib import Path

import nbformat

TURNS = {  # what is looked for -> what to write instead
    r", where\b": 'a condition begins with "if", a place has a sentence of its own',
    r"\bthat is none\b|\bwhat is none\b": 'say what it isn\'t: "if `scheme` is no Scheme"',
    r"\bwhat(ever)? can't be\b": "name the thing that can't be used",
    r"; the (layer|model|module|table|tensor)[.\"]": 'a result has a sentence of its own: "Return the layer."',
}
KINDS = {tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}


def prose(code):
    "Comments and strings of Python, with the numbers of their lines; lines for a shell or a magic hold none."
    code = re.sub(r"(?m)^\s*[%!].*$", "", code)
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type in KINDS:
            yield token.start[0], token.string


def texts():
    "(place, text) of all that is read."
    for path in sorted(Path("nbs").rglob("*.ipynb")):
        for number, cell in enumerate(nbformat.read(path, 4).cells):
            if cell.cell_type == "markdown":
                yield f"{path}, cell {number}", cell.source
            elif cell.cell_type == "code" and not cell.source.startswith("%%"):
                for line, text in prose(cell.source):
                    yield f"{path}, cell {number}, line {line}", text
    for folder in ("tools", "bench", "browser"):
        for path in sorted(Path(folder).glob("*.py")):
            if path != Path("tools") / Path(__file__).name:
                for line, text in prose(path.read_text(encoding="utf-8")):
                    yield f"{path}, line {line}", text
    for path in sorted(Path().glob("*.md")):
        yield str(path), path.read_text(encoding="utf-8")


def problems():
    "What was found, a line each."
    for place, text in texts():
        for turn, instead in TURNS.items():
            text = re.sub(r"\s+", " ", text)
            for m in re.finditer(turn, text):
                yield f"{place}: ...{text[max(0, m.start() - 40) : m.end() + 20]!r}...: {instead}"


if __name__ == "__main__" and (found := list(problems())):
    sys.exit("\n".join(found))
