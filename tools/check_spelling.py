"Spell-check the prose: Markdown cells of the notebooks, and the Markdown files; look for turns that stop a reader."

import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from check_words import problems

with tempfile.TemporaryDirectory() as folder:
    for path in sorted(Path("nbs").rglob("*.ipynb")):
        prose = [c.source for c in nbformat.read(path, 4).cells if c.cell_type == "markdown"]
        name = "-".join(path.with_suffix(".md").parts[1:])
        Path(folder, name).write_text("\n\n".join(prose), encoding="utf-8")
    # British spelling is fine; "ans" and the like occur in formulas
    command = [sys.executable, "-m", "codespell_lib", "--ignore-words-list", "ans,te,nd,fo,fom,som,ot,commun"]
    code = subprocess.call([*command, folder, *map(str, Path().glob("*.md"))])
turns = list(problems())
print(*turns, sep="\n", end="\n" * bool(turns))
sys.exit(code or len(turns) > 0)
