"""What an extra for users brings is under a permissive licence, and docs/installation.md says so.

The requirements are walked as they are installed here. A package whose licence is not understood
fails as well: look, then add what it says to the names below.
"""

import re
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

USERS = ("", "hdl", "flow", "boards", "host", "models", "report", "examples", "peers")
"""The base and the extras for users; ``test`` is for those who work on this project."""

PERMISSIVE = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-CMU"),
    *("PSF-2.0", "Zlib"),
}
EXCEPTIONS = {"LLVM-exception", "GCC-exception-3.1"}
"""Those that free whoever links a compiler's run-time library."""

SAID_OTHERWISE = {
    "MIT License": "MIT",
    "BSD License": "BSD-3-Clause",
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD": "BSD-3-Clause",
    "BSD-2-clause": "BSD-2-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "ISC License (ISCL)": "ISC",
}
DOCUMENT = (Path(__file__).parent.parent / "docs" / "installation.md").read_text()


def brought(extra):
    """Distributions that an extra of this project brings, by name, each with all of its own."""
    needed, todo, done = {}, [("mxsf", frozenset({extra} - {""}))], set()
    while todo:
        name, extras = todo.pop()
        if (name, extras) in done:
            continue
        done.add((name, extras))
        needed[canonicalize_name(name)] = here = distribution(name)
        for line in here.requires or []:
            wanted = Requirement(line)
            if wanted.marker is None or any(
                wanted.marker.evaluate({"extra": other}) for other in (*extras, "")
            ):
                todo.append((wanted.name, frozenset(wanted.extras)))
    del needed["mxsf"]
    return needed


def licence(facts):
    """SPDX expression of a distribution's metadata; ValueError where it is not understood."""
    if expression := facts.get("License-Expression"):
        return expression
    text = facts.get("License") or ""
    said = [text.strip()]
    said += [c.rpartition(" :: ")[2] for c in facts.get_all("Classifier", []) if "License ::" in c]
    for name in said:
        name = SAID_OTHERWISE.get(name, name)
        if re.fullmatch(r"[\w.+-]+", name):
            return name
    if "Redistribution and use in source and binary forms" in text and "GNU" not in text:
        return "BSD-3-Clause" if "Neither the name" in text else "BSD-2-Clause"
    raise ValueError(f"{facts['Name']}: licence not understood: {said}")


def permissive(expression):
    """Whether an expression grants what PERMISSIVE does: all of AND, one of OR."""
    parts = expression.replace("(", " ").replace(")", " ")
    return all(
        any(_one(choice.strip()) for choice in part.split(" OR ")) for part in parts.split(" AND ")
    )


def _one(name):
    base, _, exception = name.partition(" WITH ")
    return exception in EXCEPTIONS if exception else base in PERMISSIVE


@pytest.mark.parametrize("extra", USERS)
def test_users_get_nothing_but_permissive_licences(extra):
    packages = brought(extra)
    assert {"numpy", "click"} <= set(packages)
    for name, package in packages.items():
        expression = licence(package.metadata)
        assert permissive(expression), f"[{extra}] brings {name} under {expression}"


@pytest.mark.parametrize("extra", USERS[1:])
def test_the_document_names_what_an_extra_brings(extra):
    (row,) = (line for line in DOCUMENT.splitlines() if line.startswith(f"| `[{extra}]` |"))
    direct = [Requirement(line) for line in distribution("mxsf").requires or []]
    for wanted in direct:
        if wanted.marker is None or "extra" not in str(wanted.marker):
            continue
        if wanted.marker.evaluate({"extra": extra}) and wanted.name != "mxsf":
            assert wanted.name in row, f"the row of [{extra}] lacks {wanted.name}"


def test_what_is_not_permissive_is_seen(tmp_path):
    """By expression, by classifier, by text, and where nothing is said."""
    for lines, message in [
        ("License-Expression: GPL-2.0-only", None),
        ("License-Expression: MIT AND LGPL-3.0-or-later", None),
        ("License: GPL", None),
        ("Classifier: License :: OSI Approved :: GNU General Public License (GPL)", "understood"),
        ("Summary: nothing", "understood"),
    ]:
        folder = tmp_path / "planted-1.0.dist-info"
        folder.mkdir(exist_ok=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.4\nName: planted\n{lines}\n")
        facts = Distribution.at(folder).metadata
        if message is None:
            assert not permissive(licence(facts))
        else:
            with pytest.raises(ValueError, match=message):
                licence(facts)
    assert permissive("(MIT OR GPL-2.0-only) AND Apache-2.0 WITH LLVM-exception")
