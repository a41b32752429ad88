"Execute a notebook headless, with its progress on the terminal; keep the executed copy and its pictures."

import argparse
import base64
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError


def headings(cells):
    "For each cell, the heading it stands under."
    current, titles = "", []
    for cell in cells:
        if cell.cell_type == "markdown":
            current = next((line.lstrip("# ") for line in cell.source.splitlines() if line.startswith("#")), current)
        titles.append(current)
    return titles


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("folder", type=Path, help="where the executed notebook and the pictures go")
    args = parser.parse_args()

    notebook = nbformat.read(args.notebook, 4)
    code = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    titles = headings(notebook.cells)
    started = time.perf_counter()

    def announce(cell, cell_index):
        if cell_index in code:
            print(f"[{code.index(cell_index) + 1:>2}/{len(code)}] {titles[cell_index]}", flush=True)

    def report(cell, cell_index, **_):
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stdout":
                print("\n".join("        " + line for line in output.text.rstrip().splitlines()), flush=True)

    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(args.notebook.parent)}},
        on_cell_start=announce,
        on_cell_executed=report,
    )
    try:
        client.execute()
    except CellExecutionError as e:
        raise SystemExit(f"{args.notebook} failed:\n{e}") from None
    finally:
        args.folder.mkdir(parents=True, exist_ok=True)
        executed = args.folder / args.notebook.name
        nbformat.write(notebook, executed)

    pictures = [
        output.data["image/png"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    for old in args.folder.glob("figure_*.png"):
        old.unlink()
    for n, picture in enumerate(pictures, 1):
        (args.folder / f"figure_{n}.png").write_bytes(base64.b64decode(picture))
    print(f"\nDone in {time.perf_counter() - started:.0f} s.")
    print(f"Executed notebook: {executed}")
    print(f"Pictures: {args.folder}/figure_1.png to figure_{len(pictures)}.png")


if __name__ == "__main__":
    main()
