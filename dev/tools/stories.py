"""Writes what people read in the stories of ``tests/support/stories.py``, so that a change shows as a diff to
review.

``python -m dev.tools.stories`` writes ``tests/report/snapshots/NAME.LANGUAGE.txt``.
"""

from tests.support.stories import FOLDER, LANGUAGES, STORIES, told


def main() -> None:
    """Write all snapshots and remove those that are no story any more."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.txt"):
        old.unlink()
    for name in STORIES:
        for language in LANGUAGES:
            (FOLDER / f"{name}.{language}.txt").write_text(told(name, language), encoding="utf-8")


if __name__ == "__main__":
    main()
