"""Write localaws' table of what is real into README, between two comments: `make coverage`."""

import sys
from pathlib import Path

from localaws.coverage import write_table

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- coverage: make coverage -->", "<!-- end of coverage -->"


def insert_table(text: str) -> str:
    """Return a page with the table of today between its two comments."""
    before, found, rest = text.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not (found and closed):
        raise ValueError(f"README has no {BEGIN} followed by {END}")
    return f"{before}{BEGIN}\n\n{write_table()}\n\n{END}{after}"


def main() -> int:
    """Write the table; return the exit code."""
    README.write_text(insert_table(README.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
