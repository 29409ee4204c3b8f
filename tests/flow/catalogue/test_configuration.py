"""Files that name designs: what a file says is given back, and what is no such file is one line."""

import json
import re
import shlex

import pytest
from designs import SMALL, tiers
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.catalogue.configuration import from_config, from_manifest
from mxsf.flow.catalogue.module_name import KEYWORDS
from mxsf.flow.export.manifest import manifest
from mxsf.flow.export.verilog import generate

ASYNC = {"reset": "async", "polarity": "low"}
MORE = [
    ("encoder", {"block": 4, "interface": "axi", "prefix": "acme_", "tkeep": "no"}),
    ("dot", {"block": 4, "element": "mx9,int8", "interface": "flat", **ASYNC}),
    ("dot", {"block": 4, "stages": "product,sum,round", "module": "mine", "interface": "axi"}),
    ("matmul", {"tile": 4, "pes": 1, "depth": 2, "requantize": "no", "interface": "axi"}),
    ("decoder", {"element": "e2m3+e2m1", "module": "decode", "interface": "flat"}),
]


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


ALL = [*SMALL, *MORE]
QUICK = [number for number, (name, _) in enumerate(ALL) if name in ("decoder", "encoder", "pack")]


@pytest.mark.parametrize("number", tiers(QUICK, range(len(ALL))))
def test_a_manifest_and_a_header_make_the_same_bytes(number, run, tmp_path):
    name, options = ALL[number]
    design = variant(name, **options)
    paths = generate(design, tmp_path / "first")
    assert run("generate", "--from", paths[1], "--output", "again")[0] == 0
    assert content(tmp_path / "again") == content(tmp_path / "first")
    line = re.search(r"^// mxsf (generate .*)", paths[0].read_text(), re.M)[1]
    words = shlex.split(line)
    assert {word for word in words[3::2] if word in ("True", "False", "None", "null")} == set()
    assert run(*words, "--output", "typed")[0] == 0
    assert content(tmp_path / "typed") == content(tmp_path / "first")


def test_settings_are_words():
    facts = manifest(variant("dot", block=8, element="mxsf,e4m3", stages="product,round"))
    assert facts["parameters"] == {
        **{"element": "mxsf,e4m3", "block": 8, "lanes": 8, "outputs": 0, "accumulate": "yes"},
        **{"result": "fp32", "stages": "product,round", "fabric": "asic"},
    }
    reset = {"reset": "sync", "reset-polarity": "high"}
    assert facts["options"] == {"interface": "stream"} | reset
    assert manifest(variant("decoder"))["options"] == {"interface": "stream"}
    for given, said in ((None, "yes"), ("no", "no")):
        facts = manifest(variant("encoder", interface="axi", tkeep=given))
        assert facts["options"]["tkeep"] == said
        assert facts["top"].endswith("nokeep") == (said == "no")
    facts = manifest(variant("accumulator", interface="axi"))  # its input has no array
    assert "tkeep" not in facts["options"]


CORES = """
[activations]
design = "encoder"
block = 8
lanes = 2
rule = "RCEIL"

[products]
design = "dot"
element = ["mxsf", "e4m3"]
block = 4
accumulate = false
stages = ["product", "round"]
interface = "flat"
reset = "async"
reset-polarity = "low"
"""


def test_a_file_of_designs(run, tmp_path):
    (tmp_path / "cores.toml").write_text(CORES)
    code, out, _ = run("generate", "--config", "cores.toml", "--output", "a", "--fusesoc")
    assert code == 0
    ends = (".v", ".json", ".core", ".vlt")
    assert out.split() == [f"a/{n}{end}" for n in ("activations", "products") for end in ends]
    changed = CORES.replace("lanes = 2", "lanes = 4")  # the names stay
    (tmp_path / "cores.toml").write_text(changed)
    assert run("generate", "--config", "cores.toml", "--output", "b")[0] == 0
    assert re.search(r"^module activations \(", (tmp_path / "b/activations.v").read_text(), re.M)
    facts = json.loads((tmp_path / "b/products.json").read_text())
    assert facts["options"]["name"] == facts["top"] == "products"
    assert facts["parameters"]["accumulate"] == "no"
    assert (facts["clocking"]["asynchronous"], facts["clocking"]["active_low"]) == (True, True)
    same = variant("dot", element="mxsf,e4m3", block=4, accumulate="no", stages="product,round")
    assert from_config(tmp_path / "cores.toml")[1].values == same.values


def test_a_long_name_points_to_the_option(run):
    words = ("decoder", "--element", "e3m3", "--prefix", "p" * 60)
    code, _, said = run("generate", *words)
    assert (code, said.count("\n")) == (0, 1)
    assert f"{'p' * 60}mxsf_decoder_e3m3 has 77 characters" in said
    assert "--name NAME" in said
    assert run("generate", "decoder", "--name", "p" * 63)[::2] == (0, "")


@pytest.mark.parametrize("interface", ["stream", "flat", "axi"])
def test_a_name_begins_those_of_all_modules(interface, run, tmp_path):
    words = ("encoder", "--block", 4, "--interface", interface, "--name", "mine")
    assert run("generate", *words)[0] == 0
    modules = re.findall(r"^module (\w+)", (tmp_path / "build/mine.v").read_text(), re.M)
    assert len(modules) > 3
    assert all(module == "mine" or module.startswith("mine__") for module in modules)
    assert "mine" in modules


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "name must be letters, digits and underscores"),
        ("9lives", "no digit first, not '9lives'"),
        ("a-b", "not 'a-b'"),
        ("a\nb", "not 'a"),
        ("na\u00efve", "name must be letters"),
        ("module", "a keyword of SystemVerilog"),
        ("x" * 64, "at most 63 characters, not 64"),
    ],
)
def test_bad_names(name, message, run, tmp_path):
    code, _, err = run("generate", "decoder", "--name", name)
    assert (code, err.count("\n")) == (2, 1)
    assert message in err
    assert not (tmp_path / "build").exists()


def test_a_name_is_whole(run):
    code, _, err = run("generate", "decoder", "--name", "mine", "--prefix", "a_")
    assert (code, err) == (2, "error: the name 'mine' is whole: it takes no prefix 'a_'\n")
    assert "module" in KEYWORDS
    assert variant("decoder", module="x" * 63).top == "x" * 63


def broken(facts, **changes):
    return json.dumps(facts | changes)


GOOD = {
    **{"schema": 1, "design": "decoder", "parameters": {"element": "e2m1"}},
    **{"options": {"interface": "stream"}},
}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["is no JSON"]),
        ("\xff", ["is no JSON"]),
        ("[" * 100_000, ["is no JSON"]),
        ('{"a": ' + "1" * 5000 + "}", ["is no JSON"]),
        (" " * (1 << 21), ["too long to be JSON"]),
        ("[]", ["no manifest of mxsf: a JSON object"]),
        ('{"name": "left-pad", "version": "1.3.0"}', ["is no manifest of mxsf", "'schema'"]),
        (broken(GOOD, schema=2), ["schema = 2"]),
        (broken(GOOD, design=["decoder"]), ["'design'"]),
        (broken(GOOD, design="adder"), ["design = 'adder'", "unknown design"]),
        (broken(GOOD, parameters={"element": "fp9"}), ["element = 'fp9'", "unknown format"]),
        (broken(GOOD, parameters={"element": None}), ["element = None", "is needed"]),
        (broken(GOOD, parameters={"speed": 3}), ["speed = 3", "unknown for decoder: use element"]),
        (broken(GOOD, options={"interface": "usb"}), ["unknown interface 'usb'"]),
        (broken(GOOD, options={"name": "a b"}), ["not 'a b'"]),
        (broken(GOOD, design="encoder", parameters={"lanes": 5}), ["lanes must divide", "not 5"]),
        (broken(GOOD, design="encoder", parameters={"block": True}), ["block = True", "integer"]),
        (broken(GOOD, options={"reset": "async"}), ["is combinational"]),
    ],
)
def test_a_bad_manifest_is_one_line(text, parts, run, tmp_path):
    (tmp_path / "bad.json").write_bytes(text.encode("latin-1"))
    refused(run("generate", "--from", "bad.json"), "error: bad.json", parts, tmp_path)
    with pytest.raises(ValueError, match=r"bad\.json"):
        from_manifest(tmp_path / "bad.json")


def test_a_manifest_of_other_versions(run, tmp_path):
    facts = manifest(variant("decoder", element="e2m1"))
    (tmp_path / "same.json").write_text(json.dumps(facts))
    assert run("generate", "--from", "same.json")[2] == ""
    for key in facts["versions"]:
        facts["versions"] = {**facts["versions"], key: "0.0.1"}
    (tmp_path / "other.json").write_text(json.dumps(facts))
    code, out, err = run("generate", "--from", "other.json")
    made = "mxsf 0.0.1, amaranth 0.0.1, yosys 0.0.1"
    assert (code, len(out.splitlines())) == (0, 2)
    assert err == f"warning: other.json was made by {made}: files may differ\n"
    for versions in (["1"], {"mxsf": 1}, None):
        (tmp_path / "odd.json").write_text(json.dumps(facts | {"versions": versions}))
        assert run("generate", "--from", "odd.json")[::2] == (0, "")


SHAPED = ("--element", "e2m1", "--interface", "flat", "--name", "mine")


def test_other_commands_take_a_manifest(run, tmp_path):
    design = variant("decoder", element="e2m1", interface="flat", module="mine")
    (tmp_path / "mine.json").write_text(json.dumps(manifest(design)))
    assert run("vectors", "--from", "mine.json", "--output", "a")[0] == 0
    assert run("vectors", "decoder", *SHAPED, "--output", "b")[0] == 0
    assert content(tmp_path / "a") == content(tmp_path / "b")
    code, out, _ = run("simulate", "--from", "mine.json", "--simulator", "amaranth")
    assert (code, out) == (0, "mine on amaranth: 16 blocks, 16 cycles, 0 mismatches\n")
    targets = ("--target", "generic", "--target", "ecp5")
    code, out, _ = run("area", "--from", "mine.json", *targets)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["design", "mine", "mine"]


def test_a_manifest_that_a_command_does_not_take(run, tmp_path):
    (tmp_path / "e.json").write_text(json.dumps(GOOD | {"design": "encoder"}))
    refused(run("prove", "--from", "e.json"), "error: --from e.json", ["encoder"], tmp_path)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["has no design"]),
        ("[a", ["is no TOML"]),
        ("lanes = 8", ["lanes = 8", "only tables"]),
        ("[a]\nlanes = 8", ["[a] has no design"]),
        ("[a]\ndesign = 3", ["[a] has no design"]),
        ("[a]\ndesign = 'decoder'\nname = 'b'", ["[a] name = 'b'"]),
        ("[a]\ndesign = 'decoder'\nelement = 1.5", ["[a] element = 1.5", "is needed"]),
        ("[a]\ndesign = 'decoder'\nelement = []", ["[a] element = []"]),
        ("[a]\ndesign = 'decoder'\nelement = {x = 1}", ["[a] element = {'x': 1}"]),
        ("[a]\ndesign = 'encoder'\nrule = 'up'", ["[a] rule = 'up'", "unknown rule"]),
        ("[a]\ndesign = 'encoder'\nstages = 99", ["[a]", "99"]),
        ("[a]\ndesign = 'encoder'\nstorage = 'registers'", ["[a]", "storage", "no effect"]),
        ("['a b']\ndesign = 'decoder'", ["name must be", "'a b'"]),
        ("[a]\ndesign = 'decoder'\n[A]\ndesign = 'decoder'", ["[a] and [A] would share"]),
        ("[a]\ndesign = 'encoder'\n[a__b]\ndesign = 'decoder'", ["[a] and [a__b] would share"]),
        ("[a]\ndesign = 'decoder'\n[b]\ndesign = 'adder'", ["[b] design = 'adder'"]),
    ],
)
def test_a_bad_file_of_designs_is_one_line(text, parts, run, tmp_path):
    (tmp_path / "bad.toml").write_text(text)
    refused(run("generate", "--config", "bad.toml"), "error: bad.toml", parts, tmp_path)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--from", "no.json"], "'no.json' does not exist"),
        (["--from", "/dev/zero"], "'/dev/zero' is no file"),
        (["--config"], "'--config' requires an argument"),
        (["--from", "good.json", "--config", "good.json"], "give one of them"),
        (["decoder", "--from", "good.json"], "unexpected extra argument (decoder)"),
        (["--from", "good.json", "--element", "e2m1"], "No such option '--element'"),
        (["generate-from"], "give one of them"),
    ],
)
def test_bad_use(words, part, run, tmp_path):
    (tmp_path / "good.json").write_text(json.dumps(GOOD))
    refused(run("generate", *words), "error: ", [part], tmp_path)


def refused(ended, start, parts, folder):
    code, out, err = ended
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(start)
    for part in parts:
        assert part in err
    assert not (folder / "build").exists()
