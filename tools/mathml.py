"Formulas as MathML, made when the site is built: browsers draw them without a script, and without a network."

import re
from html import escape

from docutils.nodes import SkipNode
from latex2mathml.converter import convert
from sphinx.util import logging

log = logging.getLogger(__name__)


def formula(node, display):
    "The MathML of a node. What can't be converted is a warning, which fails the build."
    tex = re.sub(r"\\[bB]igg?[lrm]?(?=\\)", "", node.astext().strip())  # brackets that have names grow by themselves
    try:
        made = convert(tex, display=display)
        if unknown := re.search(r"\\\w+", made):
            raise ValueError(f"{unknown[0]} isn't known")
        return made
    except Exception as e:
        log.warning("formula %r: %r", node.astext(), e, location=node)
        return f"<code>{escape(node.astext())}</code>"


def inline(self, node):
    self.body.append(formula(node, "inline"))
    raise SkipNode


def block(self, node):
    self.body.append(f'<div class="math notranslate">{formula(node, "block")}</div>')
    raise SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
