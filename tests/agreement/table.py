"""The table of docs/agreement.md."""

from libraries import LIBRARIES, comparisons

HEAD = ("library", "what", "compared", "differ by rule", "unexplained", "rule")


def main() -> None:
    """Print the table as Markdown, and how to install what is not there."""
    lines = [f"| {' | '.join(HEAD)} |", "|" + "---|" * len(HEAD)]
    unexplained = 0
    for name, library in LIBRARIES.items():
        if not library.installed:
            print(f"{name} is not installed: {library.install}")
            continue
        print(name, library.version, flush=True)
        for comparison in comparisons(name):
            lines.append(comparison.row())
            unexplained += comparison.unexplained
    print("\n".join(lines))
    if unexplained:
        raise SystemExit(1)
