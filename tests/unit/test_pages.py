"""What the pages of this repository lead to exists: links, headings, and files that are named by their paths."""

import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = (
    *sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("engine/*.md")),
    *sorted(ROOT.glob("fleet/*/*.md")), *sorted(ROOT.glob("tests/lab/*.md")),
)  # fmt: skip
NAME_FILES: Final = tuple(
    ROOT / name for name in ("README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/compliance.md")
)
_OURS: Final = "contract|firmware|drivers|provisioning|fleet|engine|systemd|tools|tests|docs"


def test_every_link_leads_somewhere(subtests: pytest.Subtests) -> None:
    for page in PAGES:
        with subtests.test(page=page):
            for link in re.findall(r"\]\(([^)]+)\)", without_code(page.read_text())):
                if re.match(r"https?:|mailto:", link):
                    continue
                path, _, anchor = link.partition("#")
                target = (page.parent / path).resolve() if path else page
                assert target.exists(), link
                if anchor:
                    headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
                    assert anchor in {slug(heading) for heading in headings}, link


@pytest.mark.parametrize("page", NAME_FILES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_is_named_by_its_path_is_there(page: Path) -> None:
    named = set(re.findall(rf"`((?:{_OURS})/[\w./-]+\.\w+)`", page.read_text()))
    assert [path for path in sorted(named) if "NNNN" not in path and not (ROOT / path).exists()] == []


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.DOTALL | re.MULTILINE)


def slug(heading: str) -> str:
    """Return a heading as GitHub makes an anchor of it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
