"Fail if a notebook's stored outputs aren't those of a clean run: errors, warnings, or paths of the machine it ran on."

import re
import sys
from pathlib import Path

import nbformat

LOCAL = re.compile(r"/(?:tmp|home|root|Users)/|[A-Z]:\\Users")


def problems(path):
    notebook = nbformat.read(path, 4)
    if "widgets" in notebook.metadata:
        yield f"{path}: stored widget state, which can be megabytes; delete it"
    for number, cell in enumerate(notebook.cells):
        folded = cell.metadata.get("jupyter", {}).get("source_hidden")
        if "walkthroughs" in path.parts and "#| hide" in cell.source and not folded:
            yield f"{path}, cell {number}: a hidden test, which isn't folded (jupyter.source_hidden in its metadata)"
        for output in cell.get("outputs", []):
            text = output.get("text", "") + "".join(output.get("data", {}).get("text/plain", ""))
            if output.output_type == "error" or output.get("name") == "stderr":
                yield f"{path}, cell {number}: stored {output.get('name', 'error')}: {text[:100]!r}"
            elif found := LOCAL.search(text):
                yield f"{path}, cell {number}: a path of this machine, {found.group()}..."


found = [p for path in sorted(Path("nbs").rglob("*.ipynb")) for p in problems(path)]
if found:
    sys.exit("\n".join(found))
