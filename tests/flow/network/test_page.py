"""The snippets of docs/networks.md run, one behind the other."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "networks.md"


def test_snippets():
    names = {}
    snippets = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    assert len(snippets) == 2
    for snippet in snippets:
        exec(compile(snippet, PAGE.name, "exec"), names)
    assert names["weights"]["conv2d1.weight"].shape == (8, 1, 3, 3)
