"Spell-check the prose: Markdown cells of the notebooks, and the Markdown files."

import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat

with tempfile.TemporaryDirectory() as folder:
    for path in sorted(Path("nbs").rglob("*.ipynb")):
        prose = [c.source for c in nbformat.read(path, 4).cells if c.cell_type == "markdown"]
        name = "-".join(path.with_suffix(".md").parts[1:])
        Path(folder, name).write_text("\n\n".join(prose), encoding="utf-8")
    # British spelling is fine; "ans" and the like occur in formulas
    command = [sys.executable, "-m", "codespell_lib", "--ignore-words-list", "ans,te,nd,fo,fom,som,ot,commun"]
    sys.exit(subprocess.call([*command, folder, *map(str, Path().glob("*.md"))]))
