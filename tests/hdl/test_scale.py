"""Scales in hardware: the fields that stand for the product of two, and what is refused."""

import numpy as np
import pytest
from amaranth.hdl import Shape
from mxsf.golden import E8M0, MX9, MXSF, BlockFormat, ScaleFormat
from mxsf.golden.dot.product_sum import check_formats
from mxsf.hdl import Dot
from mxsf.hdl.scale import product_fields, product_offset, product_values, scale_shape

UE4M3 = ScaleFormat("ue4m3", 4, 3, bias=7, nan_code=0x7F, subnormals=True)


def test_fields_hold_the_product_of_any_two_scales():
    formats = check_formats((MXSF, MX9))
    a, b = np.indices((256, 256))
    fields, values = product_fields(formats), product_values(formats, a, b)
    assert list(fields) == list(values)
    for name, field in fields.items():
        assert int(values[name].max()).bit_length() == Shape.cast(field).width
    exact = E8M0.decode(a) * E8M0.decode(b)
    np.testing.assert_array_equal(values["scale_nan"], np.isnan(exact))
    weight = np.ldexp(1.0, values["scale"] + product_offset(formats))
    np.testing.assert_array_equal(np.where(values["scale_nan"], np.nan, weight), exact)


def test_other_formats_are_refused():
    with pytest.raises(ValueError, match="hardware has scales of e8m0, not ue4m3"):
        scale_shape(UE4M3)
    with pytest.raises(ValueError, match="hardware has scales of e8m0, not ue4m3"):
        Dot(BlockFormat(MXSF, scale=UE4M3), block=4)
