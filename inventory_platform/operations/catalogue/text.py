"""Prose as HTML: sentences of descriptions, and the pages of `docs/`.

Descriptions come from files that many people write, so nothing in them is taken for HTML; the
pages of `docs/` are Markdown. Links between pages become links between their rendered ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import markdown  # type: ignore[import-untyped]
from markupsafe import Markup, escape

_EXTENSIONS = ["tables", "fenced_code", "sane_lists", "toc"]


def sentence(text: str | None) -> Markup:
    """A description: all of it text, `code` aside."""
    escaped = str(escape(text or ""))
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped))


def line(text: str, link: Callable[[str], str | None]) -> Markup:
    """A line of Markdown that stands in a cell."""
    return Markup(_rendered(str(escape(text)), link).removeprefix("<p>").removesuffix("</p>"))


def page(text: str, link: Callable[[str], str | None]) -> Markup:
    """A page of Markdown.

    Args:
        text: The page.
        link: Target of a link as written → as it is in the site, nothing where the site has no
            such page.
    """
    return Markup(_rendered(text, link))


def _rendered(text: str, link: Callable[[str], str | None]) -> str:
    html: str = markdown.markdown(
        text,
        extensions=_EXTENSIONS,
        extension_configs={"toc": {"slugify": anchor}},
        output_format="html",
    )
    html = re.sub(r'<a href="([^"]*)">(.*?)</a>', lambda m: _anchor(m, link), html, flags=re.S)
    return re.sub(r'(<img [^>]*src=")([^"]*)"', lambda m: f'{m[1]}{link(m[2]) or m[2]}"', html)


def _anchor(match: re.Match[str], link: Callable[[str], str | None]) -> str:
    target = match[1] if re.match(r"[a-z]+:", match[1]) else link(match[1])
    return f'<a href="{target}">{match[2]}</a>' if target else match[2]


def anchor(heading: str, separator: str = "-") -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", separator)
