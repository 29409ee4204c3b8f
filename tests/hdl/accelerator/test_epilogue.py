"""The epilogue: random rows, edges of the exponent among them, as golden has them."""

import numpy as np
from amaranth.sim import Simulator
from mxsf.golden.accelerator.epilogue import relu, scale
from mxsf.hdl.accelerator.epilogue import Epilogue


def test_epilogue_is_golden():
    tile, count, rng = 4, 600, np.random.default_rng(0)
    shape = (count, tile)
    exponent = np.where(
        rng.random(shape) < 0.5,
        rng.choice([0, 1, 127, 254, 255], shape),
        rng.integers(256, size=shape),
    )
    mantissa = np.where(rng.random(shape) < 0.4, 0, rng.integers(1 << 23, size=shape))
    sign = rng.integers(2, size=shape)
    words = (sign << 31 | exponent << 23 | mantissa * (exponent != 0)).astype(np.uint32)
    shifts = rng.choice([-128, -127, -1, 0, 1, 127], count)
    negate, rectify = rng.integers(2, size=(2, count))
    masked = rng.integers(2, size=shape)
    epilogue = Epilogue(tile)
    simulator = Simulator(epilogue)
    simulator.add_clock(1e-6)

    def golden(row):
        values = scale(words[row].view(np.float32), int(shifts[row]), bool(negate[row]))
        values = relu(values) if rectify[row] else values
        return np.where(masked[row], np.float32(0), values).view(np.uint32).tolist()

    async def testbench(ctx):
        ctx.set(epilogue.o.ready, 1)
        ctx.set(epilogue.i.valid, 1)
        into = epilogue.i.payload
        for number in range(count + 2):
            row = min(number, count - 1)
            for lane in range(tile):
                ctx.set(into.words[lane], int(words[row, lane]))
            ctx.set(into.shift, int(shifts[row]))
            ctx.set(into.negate, int(negate[row]))
            ctx.set(into.relu, int(rectify[row]))
            ctx.set(into.masked, sum(int(bit) << lane for lane, bit in enumerate(masked[row])))
            if number >= 2:
                left = [ctx.get(epilogue.o.payload.words[lane]) for lane in range(tile)]
                assert left == golden(number - 2), number - 2
            await ctx.tick()

    simulator.add_testbench(testbench)
    simulator.run()
