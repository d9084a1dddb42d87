"""Every link between pages leads somewhere: a file of the project, a heading of the page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.documents import GENERATED, ROOT, name, pages
from tools.documentation.links import problems
from tools.documentation.reference import PAGES

LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^( *)```.*?^\1```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
# Examples of what a line may have.
WRITTEN_BY_READERS = {"lines/my_line", "lines/shared/retail.py", "lines/pricing/line.py", "docs/reference"}
PATH = re.compile(
    r"`((?:assembly_line|benchmarks|docs|examples|glue_jobs|lambdas|lines|stacks|tests|tools)/[\w/.-]*\w)`"
)
HEADING = re.compile(r"^#+ +(.+?)(?: \{#([\w-]+)\})?$", re.MULTILINE)


def prose(page: Path) -> str:
    """The page without code."""
    return FENCED.sub("`code`", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors that headings make, as the site names them."""
    text = re.sub(r"^( *)```.*?^\1```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return {given or slug(title) for title, given in HEADING.findall(text)}


def slug(title: str) -> str:
    words = re.sub(r"[^\w\s-]", "", title.replace("`", "").lower())
    return re.sub(r"[-\s]+", "-", words).strip("-")


@pytest.mark.parametrize("page", pages(), ids=name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        # Made from the code when the site is built, which checks their anchors.
        if target.parent == GENERATED:
            assert target.name in PAGES, link
            continue
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", pages(), ids=name)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    named = set(PATH.findall(page.read_text(encoding="utf-8"))) - WRITTEN_BY_READERS
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A page\n\nSee [there](other.md).\n", encoding="utf-8")
    with pytest.raises(AssertionError, match=r"other\.md"):
        test_every_link_of_a_page_leads_somewhere(page)
    page.write_text("# A page\n\nSee [here](#a-pag).\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="#a-pag"):
        test_every_link_of_a_page_leads_somewhere(page)
    page.write_text("# A page\n\nSee [here](#a-page).\n", encoding="utf-8")
    test_every_link_of_a_page_leads_somewhere(page)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('<a href="other.html">', "other.html: leads nowhere"),
        ('<a href="#there">', "#there: the page has no such anchor"),
        ('<img src="/picture.svg">', "/picture.svg: leads nowhere"),
        ('<script src="https://elsewhere.example/a.js">', "https://elsewhere.example/a.js: a page must not fetch"),
    ],
)
def test_a_link_of_the_built_site_that_leads_nowhere_or_away_is_found(
    tmp_path: Path, content: str, problem: str
) -> None:
    (tmp_path / "index.html").write_text(f'<h1 id="here">A</h1><a href="#here">{content}', encoding="utf-8")

    (found,) = problems(tmp_path)

    assert f"index.html: {problem}" in found
