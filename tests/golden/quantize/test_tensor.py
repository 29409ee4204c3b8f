"""Block tensors: back to values, the transpose, files, and what is refused."""

import dataclasses
import json

import exact
import numpy as np
import pytest
import reference
from mxsf.golden import (
    E2M1,
    E4M3,
    E5M2,
    FORMATS,
    INT8,
    MX4,
    MX6,
    MX9,
    MXSF,
    BlockFormat,
    BlockTensor,
    ElementFormat,
    Rounding,
    ScaleRule,
    parse,
    quantize,
)
from mxsf.golden.packing import pack

CUSTOM = ElementFormat("mine", 3, 4, bias=5, special="nan")
BYTES = [0, 1, 2, 9, 23, 127, 128, 246, 252, 253, 254, 255]
BLOCKS = [(1, 32), (8, 8), (3, 5), (32, 1), (1, 1)]
every_block = pytest.mark.parametrize("block", BLOCKS, ids=lambda block: "{}x{}".format(*block))


def tensor(codes, scales, element=MXSF, block=(1, 32)):
    codes = np.asarray(codes, element.code_dtype)
    return BlockTensor(codes, np.asarray(scales, np.uint8), BlockFormat(element, block))


@pytest.mark.parametrize("element", [*exact.ELEMENTS, CUSTOM], ids=str)
def test_dequantize_equals_the_reference(element):
    """Every code (some of the wide formats') at scales from the least to NaN, bit for bit."""
    codes = np.arange(2**element.bits)
    if element.bits > 8:
        codes = np.random.default_rng(0).choice(codes, 300, replace=False)
    rows = np.stack([codes] * len(BYTES))
    scales = np.repeat(np.uint8(BYTES)[:, None], len(codes), axis=1)
    values = tensor(rows, scales, element, (1, 1)).dequantize()
    assert values.dtype == np.float32
    expected = [[reference.dequantize(element, int(c), byte) for c in codes] for byte in BYTES]
    np.testing.assert_array_equal(values.view(np.uint32), np.uint32(expected))


def test_dequantize_at_the_edges():
    """FP32 subnormals are kept, what FP32 cannot hold is Inf, NaN is quiet, -0 stays."""
    q = tensor([[0x01, 0x81, 0x7F, 0xFF, 0x80, 0x20]] * 3, [[0], [254], [255]])
    assert q.dequantize().view(np.uint32).tolist() == [
        [0x00002000, 0x80002000, 0x017C0000, 0x817C0000, 0x80000000, 0x00400000],
        [0x7A800000, 0xFA800000, 0x7F800000, 0xFF800000, 0x80000000, 0x7F000000],
        [0x7FC00000] * 6,
    ]


def test_dequantize_special_codes():
    """E5M2's infinities and the NaN codes, under any scale."""
    q = tensor([[0x7C, 0xFC, 0x7D, 0xFF]] * 2, [[0], [254]], E5M2)
    words = [0x7F800000, 0xFF800000, 0x7FC00000, 0x7FC00000]
    assert q.dequantize().view(np.uint32).tolist() == [words] * 2
    assert np.isnan(tensor([0x7F, 0xFF], [127], E4M3).dequantize()).all()


@every_block
@pytest.mark.parametrize("shape", [(1, 1), (33, 33), (64, 40), (2, 3, 9, 17), (3, 1, 64)])
def test_dequantize_gives_every_element_its_own_scale(shape, block):
    q = quantize(exact.sample(shape), MXSF, block)
    np.testing.assert_array_equal(q.dequantize(), exact.values(q).astype(np.float32))


@pytest.mark.parametrize("element", exact.ELEMENTS, ids=str)
def test_values_of_the_format_survive(element):
    """A block of values of the format comes back as it was, whichever way it lies."""
    values = element.decode(np.arange(element.largest_code + 1))[-500:]
    values = np.ldexp(values, -np.clip(element.emax, -127, 127))  # what some scale can reach
    x = values[values >= 2.0**-120].astype(np.float32)
    np.testing.assert_array_equal(quantize(x, element, (1, 1000)).dequantize(), x)
    columns = -x[None, :, None]
    np.testing.assert_array_equal(quantize(columns, element, (1000, 1)).dequantize(), columns)


class TestTranspose:
    @every_block
    @pytest.mark.parametrize("shape", [(40, 64), (2, 9, 17)])
    def test_only_reorders(self, shape, block):
        q = quantize(exact.sample(shape), MXSF, block)
        assert q.T.block == block[::-1]
        np.testing.assert_array_equal(q.T.dequantize(), q.dequantize().swapaxes(-1, -2))
        exact.assert_same(q.T.T, q)

    def test_keeps_the_rest_of_the_format(self):
        draws = np.zeros((4, 4), int)
        q = quantize(
            np.ones((4, 4)),
            E5M2,
            (2, 4),
            ScaleRule.RCEIL,
            rounding=Rounding.STOCHASTIC,
            random=draws,
            overflow="ovf",
        )
        assert q.T.format == dataclasses.replace(q.format, block=(4, 2))

    def test_one_axis_has_none(self):
        with pytest.raises(ValueError, match="one axis has no transpose"):
            _ = quantize(np.ones(4)).T


class TestFiles:
    @pytest.mark.parametrize(
        "element",
        [*FORMATS.values(), CUSTOM, parse("e2m7+e3m4+e2m2"), ElementFormat("π", 4, 11)],
        ids=str,
    )
    def test_round_trip(self, element, tmp_path):
        q = quantize(exact.sample((2, 9, 40)), element, (8, 8), ScaleRule.CEIL)
        q.save(tmp_path / "q.npz")
        loaded = BlockTensor.load(tmp_path / "q.npz")
        exact.assert_same(loaded, q)
        assert loaded.element.name == element.name
        assert loaded.codes.dtype == q.codes.dtype
        assert [path.name for path in tmp_path.iterdir()] == ["q.npz"]

    def test_registered_formats_are_the_registered_objects(self, tmp_path):
        quantize(np.ones(32), parse("e2m5+e3m2")).save(str(tmp_path / "q"))
        assert BlockTensor.load(str(tmp_path / "q")).element is MXSF

    def test_failing_save_leaves_the_old_file(self, tmp_path, monkeypatch):
        old, path = quantize(np.ones(32)), tmp_path / "q.npz"
        old.save(path)

        def fail(file, **arrays):
            file.write(b"half a file")
            raise OSError("disk full")

        monkeypatch.setattr(np, "savez", fail)
        with pytest.raises(OSError, match="disk full"):
            quantize(np.zeros(32)).save(path)
        exact.assert_same(BlockTensor.load(path), old)
        assert [file.name for file in tmp_path.iterdir()] == ["q.npz"]

    def test_save_needs_the_folder(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            quantize(np.ones(32)).save(tmp_path / "none" / "q.npz")

    def test_files_have_the_permissions_of_any_new_file(self, tmp_path):
        quantize(np.ones(32)).save(tmp_path / "q.npz")
        (tmp_path / "plain").touch()
        assert (tmp_path / "q.npz").stat().st_mode == (tmp_path / "plain").stat().st_mode

    def test_load_of_no_file(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            BlockTensor.load(tmp_path / "q.npz")

    @pytest.mark.parametrize("kept", [0, 1, 100, 400, -1])
    def test_truncated_file(self, tmp_path, kept):
        path = tmp_path / "q.npz"
        quantize(np.ones((8, 32))).save(path)
        path.write_bytes(path.read_bytes()[:kept])
        with pytest.raises(ValueError, match=r"holds no block tensor: it is no \.npz archive"):
            BlockTensor.load(path)

    @pytest.mark.parametrize(
        ("fmt", "bits"),
        [
            (BlockFormat(parse("e2m4"), (1, 16)), 7.5),
            (BlockFormat(E2M1), 4.25),
            (BlockFormat(parse("e4m11"), (8, 8)), 16.125),
            (MX9, 9),
            (MX6, 6),
            (MX4, 4),
        ],
        ids=["7 bits", "4 bits", "16 bits", "mx9", "mx6", "mx4"],
    )
    def test_a_file_is_of_exact_size(self, tmp_path, fmt, bits):
        """An element takes its bits and its share of scale and microexponents, and no more."""
        spare = set()
        for rows in (160, 640):
            path = tmp_path / f"{rows}.npz"
            quantize(exact.sample((rows, 96)), fmt).save(path)
            spare.add(path.stat().st_size - rows * 96 * bits / 8)
        assert len(spare) == 1  # names and headers
        assert spare.pop() < 4000

    def test_a_file_says_how_it_is_packed(self, tmp_path):
        q = quantize(exact.sample((3, 5)), BlockFormat(parse("e2m4"), (1, 4)))
        q.save(tmp_path / "q.npz")
        with np.load(tmp_path / "q.npz") as members:
            assert set(members) == {"format", "codes", "codes_4", "codes_2", "codes_1", "scales"}
            facts = {"layout": "planes", "version": 1, "bits": 7, "widths": [4, 2, 1]}
            assert json.loads(str(members["codes"])) == facts | {"shape": [3, 5]}
            for width, plane in zip((4, 2, 1), pack(q.codes.reshape(-1), 7), strict=True):
                np.testing.assert_array_equal(members[f"codes_{width}"], plane)

    def test_the_earlier_layout_is_read(self, tmp_path):
        q = quantize(exact.sample((4, 48)), MX6)
        arrays = {"codes": q.codes, "scales": q.scales, "micro": q.micro}
        np.savez_compressed(tmp_path / "q.npz", format=json.dumps(q.format.spec()), **arrays)
        assert BlockTensor.load(tmp_path / "q.npz") == q

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"codes": {"version": 2}}, r'"bits": 4, "widths": \[4\]}, not .*"version": 2'),
            ({"codes": {"bits": 3, "widths": [2, 1]}}, r'codes must be .*, not .*"bits": 3'),
            ({"codes": {"shape": [8, 33]}}, "264 items of 4 bits are 132 bytes of uint8"),
            ({"codes": {"shape": [-8, -32]}}, "can only specify one unknown dimension"),
            ({"codes": {"shape": 256}}, "not iterable"),
            ({"codes_4": None}, "codes_4"),
            ({"codes_4": np.zeros(127, np.uint8)}, r"not uint8 of shape \(127,\)"),
            ({"codes_4": np.zeros(128, np.int8)}, "not int8"),
        ],
        ids=str,
    )
    def test_planes_that_do_not_fit(self, tmp_path, changes, message):
        q, path = quantize(np.ones((8, 32)), E2M1), tmp_path / "q.npz"
        q.save(path)
        with np.load(path) as stored:
            members = dict(stored)
        for name, change in changes.items():
            if isinstance(change, dict):
                change = json.dumps(json.loads(str(members[name])) | change)
            members[name] = change
        np.savez(path, **{name: value for name, value in members.items() if value is not None})
        with pytest.raises(ValueError, match=r"q\.npz holds no block tensor: .*" + message) as seen:
            BlockTensor.load(path)
        assert "\n" not in str(seen.value)

    def test_a_damaged_plane(self, tmp_path):
        path = tmp_path / "q.npz"
        quantize(np.ones((8, 32)), E2M1).save(path)
        data = path.read_bytes()
        path.write_bytes(data.replace(b"\x66" * 128, b"\x66" * 127 + b"\x67"))
        assert path.read_bytes() != data
        with pytest.raises(ValueError, match="holds no block tensor: Bad CRC-32"):
            BlockTensor.load(path)

    def arrays(self):
        q = quantize(np.ones((8, 32)))
        return {"codes": q.codes, "scales": q.scales, "format": json.dumps(q.format.spec())}

    @pytest.mark.parametrize(
        "changes",
        [
            {"codes": None},
            {"format": "{}"},
            {"format": "no JSON"},
            {"codes": np.zeros((8, 33), np.uint8)},
            {"codes": np.zeros((8, 32), np.int64)},
            {"codes": np.uint8(1)},
            {"scales": np.zeros((8, 2), np.uint8)},
            {"scales": np.zeros((8, 1), np.float32)},
            {"codes": np.array([None])},
        ],
        ids=str,
    )
    def test_other_files(self, tmp_path, changes):
        path = tmp_path / "q.npz"
        arrays = {k: v for k, v in (self.arrays() | changes).items() if v is not None}
        np.savez(path, **arrays)
        with pytest.raises(ValueError, match=r"q\.npz holds no block tensor"):
            BlockTensor.load(path)

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("rule", "round"),
            ("block", [0, 32]),
            ("block", 32),
            ("overflow", "ovf"),
            ("element", {"name": "x", "exponent_bits": 9, "mantissa_bits": 1}),
            ("element", {"name": "x"}),
        ],
    )
    def test_wrong_format_in_a_file(self, tmp_path, key, value):
        arrays = self.arrays()
        spec = json.loads(arrays["format"]) | {key: value}
        np.savez(tmp_path / "q.npz", **arrays | {"format": json.dumps(spec)})
        with pytest.raises(ValueError, match="holds no block tensor"):
            BlockTensor.load(tmp_path / "q.npz")

    def test_an_array_is_no_block_tensor(self, tmp_path):
        np.save(tmp_path / "q.npy", np.ones(3))
        with pytest.raises(ValueError, match="holds no block tensor"):
            BlockTensor.load(tmp_path / "q.npy")


@pytest.mark.parametrize("element", [MXSF, INT8, CUSTOM], ids=str)
def test_block_format_spec_round_trip(element):
    for rule in ScaleRule:
        fmt = BlockFormat(element, (3, 5), rule, Rounding.STOCHASTIC)
        assert BlockFormat.from_spec(json.loads(json.dumps(fmt.spec()))) == fmt


CODES, SCALES, FORMAT = np.zeros((4, 64), np.uint8), np.zeros((4, 2), np.uint8), BlockFormat(MXSF)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((CODES.astype(np.int64), SCALES, FORMAT), TypeError, "mxsf codes must be uint8: int64"),
        ((CODES + 0.5, SCALES, FORMAT), TypeError, "codes must be integers, not float64"),
        ((CODES, SCALES.astype(int), FORMAT), TypeError, "scales must be uint8, not int64"),
        ((CODES, SCALES[:, :1], FORMAT), ValueError, r"need scales \(4, 2\), not \(4, 1\)"),
        ((CODES, SCALES[0], FORMAT), ValueError, r"need scales \(4, 2\), not \(2,\)"),
        ((CODES[0, 0], SCALES, FORMAT), ValueError, r"axes and elements, their shape is \(\)"),
        ((CODES[:0], SCALES[:0], FORMAT), ValueError, r"their shape is \(0, 64\)"),
        (
            (CODES + np.uint8(64), SCALES, BlockFormat(parse("e2m3"))),
            ValueError,
            "e2m3 codes are 0 to 63, not 64",
        ),
    ],
)
def test_block_tensor_errors(arguments, error, message):
    with pytest.raises(error, match=message):
        BlockTensor(*arguments)


def test_equality_is_bit_for_bit():
    x = np.float32([[1.0, 2.0], [3.0, -4.0]])
    q = quantize(x, MXSF, (2, 2))
    assert q == quantize(x, MXSF, (2, 2))
    assert q != quantize(-x, MXSF, (2, 2))
    assert q != quantize(x, MXSF, (1, 2))
    assert q != quantize(x * 2, MXSF, (2, 2))  # the same codes under another scale
    assert q != quantize(x, MXSF, (2, 2), ScaleRule.CEIL)
    assert q != "q"
    with pytest.raises(TypeError, match="unhashable"):
        hash(q)
