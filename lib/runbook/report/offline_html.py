"""HTML that opens offline: what would fetch or run something is cut, and what stays reads well."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

ACTIVE = ["script", "link", "iframe", "object", "embed", "base", "form", "meta"]
REFERENCES = ("src", "srcset", "href", "poster", "background", "data", "xlink:href")
OUTWARD = re.compile(r"\s*(?:(?:https?|ftp|file|wss?):|//)", re.IGNORECASE)
STYLE_REFERENCE = re.compile(r"@import[^;]*;?|url\(\s*[\"']?(?!data:|#)[^)]*\)", re.IGNORECASE)
NOTEBOOK = re.compile(r"([^/:#?]+)\.ipynb(#.*)?")
NUMBER = re.compile(r"[-+−]?[\d,]+(\.\d+)?(e[-+]?\d+)?( ?(%|ns|µs|ms|s|min|h|B|kB|MB|GB))?|–|NaN|None|", re.IGNORECASE)


@dataclass(frozen=True)
class Heading:
    """A heading of the page: its level (1 to 6), its words, and the id it can be reached by."""

    level: int
    text: str
    anchor: str


def fit(html: str, headings: list[Heading] | None = None) -> str:
    """Return a fragment without references to a network and without scripts, its columns of numbers aligned.

    Args:
        html: the fragment; a link to a notebook beside it becomes one to the notebook's page.
        headings: grows by the fragment's headings, which get ids.
    """
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(html, "html.parser")
    for table in soup.find_all("table"):
        _align(table)
        for corner in table.find_all("th"):
            if not corner.get_text(strip=True) and not corner.img:
                corner.name = "td"  # a screen reader would announce a heading of nothing
    _isolate(soup)
    for link in soup.find_all("a", href=NOTEBOOK):
        match = NOTEBOOK.fullmatch(str(link["href"]))
        if match:
            link["href"] = f"{match[1]}.html{match[2] or ''}"
    if headings is not None:
        for heading in soup.find_all(["h1", "h2", "h3", "h4", "h5", "h6"]):
            heading["id"] = anchor = f"part-{len(headings) + 1}"
            headings.append(Heading(int(heading.name[1]), heading.get_text(" ", strip=True), anchor))
    return str(soup)


def _align(table: "Tag") -> None:
    """Mark the cells of the columns that hold nothing but numbers."""
    rows = [row.find_all(["th", "td"], recursive=False) for row in table.find_all("tr")]
    body = [row for row in rows if any(cell.name == "td" for cell in row)]
    for place in range(max(map(len, body), default=0)):
        column = [row[place].get_text(strip=True) for row in body if place < len(row)]
        if any(column) and all(NUMBER.fullmatch(text) for text in column):
            for row in rows:
                if place < len(row):
                    row[place]["class"] = "num"


def _isolate(soup: "BeautifulSoup") -> None:
    """Cut what fetches or runs something; a link out of the folder becomes its words and its address."""
    for tag in soup.find_all(ACTIVE):
        tag.decompose()
    for link in soup.find_all("a", href=OUTWARD):
        if link.get_text(strip=True) != link["href"]:
            link.append(f" ({link['href']})")
        link.unwrap()
    for tag in soup.find_all(lambda tag: any(OUTWARD.match(str(tag.get(name, ""))) for name in REFERENCES)):
        if tag.name == "img":
            tag.replace_with(f"[image not kept: {tag.get('alt') or tag['src']}]")
        else:
            tag.decompose()
    for tag in soup.find_all(style=STYLE_REFERENCE):
        tag["style"] = STYLE_REFERENCE.sub("none", str(tag["style"]))
    for style in soup.find_all("style"):
        style.string = STYLE_REFERENCE.sub("none", style.get_text())
