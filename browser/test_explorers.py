"What a reader does with an explorer: run the page, move a slider by keyboard and by mouse, reset, ask for the code."

import os

import pytest
from conftest import PICTURES, ROOT, serving

PATIENCE = float(os.environ.get("PATIENCE", "1"))  # times a second that a step may take

# every page that has an explorer, so that none is forgotten
WALKTHROUGHS = sorted(
    page.stem
    for page in (ROOT / "nbs" / "walkthroughs").glob("*.ipynb")
    if "application/vnd.jupyter.widget-view" in page.read_text(encoding="utf-8")
)
LONG = {"10_recurrent", "11_training", "12_own_device", "16_language_model"}  # networks train first
FAILED = ", ".join(
    f'.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.{kind}"]' for kind in ("error", "stderr")
)
SHOWN = """() => [...document.querySelectorAll('.memnb-picture')]
        .map(e => (e.tagName == 'IMG' ? e : e.querySelector('img')).src).join()
    + [...document.querySelectorAll('.memnb-numbers')].map(e => e.innerText).join()"""


def shown(page):
    "What all pictures and numbers of explorers are now."
    return page.evaluate(SHOWN)


def changes(page, act, before=None):
    "Do something, and wait until a picture or a number is another; milliseconds."
    before = shown(page) if before is None else before
    act()
    start = page.evaluate("performance.now()")
    page.wait_for_function(f"before => ({SHOWN})() !== before", arg=before, timeout=10_000 * PATIENCE)
    return page.evaluate("performance.now()") - start


def settled(page):
    "Wait until nothing changes any more."
    last = None
    while (now := shown(page)) != last:
        last = now
        page.wait_for_timeout(400)


def use(page, name, first=30):
    """Move the first explorer's first slider in all ways; a second is what a reader waits without noticing.

    The page may take `first` seconds until its first explorer is there.
    """
    picture = page.locator(".memnb-picture").first
    picture.wait_for(timeout=1000 * first * PATIENCE)
    handle = page.locator(".widget-slider .noUi-handle").first
    handle.scroll_into_view_if_needed()
    settled(page)
    page.get_by_role("button", name="Reset").first.click()  # the page may have left it where this slider does nothing
    settled(page)
    handle.focus()
    at_end = handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemax")
    key = "ArrowLeft" if at_end else "ArrowRight"

    def press():
        for _ in range(5):  # a single step may do nothing: 256 levels are as good as any number
            page.keyboard.press(key)

    times = {"keyboard": changes(page, press)}
    settled(page)
    box = page.locator(".widget-slider .noUi-target, .widget-slider .slider").first.bounding_box()

    def drag():
        knob = handle.bounding_box()
        page.mouse.move(knob["x"] + knob["width"] / 2, knob["y"] + knob["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + 0.55 * box["width"], knob["y"] + 3, steps=4)
        page.mouse.up()

    times["mouse"] = changes(page, drag)
    settled(page)
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png")
    page.get_by_role("button", name="Show as code").first.click()
    page.locator("textarea:visible").first.wait_for(timeout=3000)
    page.get_by_role("button", name="Reset").first.click()
    settled(page)
    return times


@pytest.mark.parametrize("name", WALKTHROUGHS)
def test_walkthrough(lab, page, name):
    page.goto(f"{lab}/lab/tree/walkthroughs/{name}.ipynb?reset")
    page.locator(".jp-NotebookPanel-toolbar").wait_for(timeout=60_000)
    page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for(timeout=60_000)
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    times = use(page, name, 120 if name in LONG else 30)
    failed = page.locator(FAILED)
    assert failed.count() == 0, failed.all_text_contents()
    page.evaluate("() => window.jupyterapp.commands.execute('kernelmenu:shutdown')")
    assert not page.errors
    print(name, {k: f"{v:.0f} ms" for k, v in times.items()})
    seconds = 2.5 if name in {"09_convolutions", *LONG} else 1  # to classify with several chips may take longer
    assert max(times.values()) < 1000 * seconds * PATIENCE, times


def test_voila(notebooks, page, tmp_path):
    command = ["voila", "--no-browser", "--port={port}", "--Voila.ip=127.0.0.1"]
    with serving(tmp_path, *command, str(notebooks / "walkthroughs" / "03_mapping.ipynb")) as app:
        page.goto(app, timeout=120_000)
        use(page, "voila")
    assert not page.errors
