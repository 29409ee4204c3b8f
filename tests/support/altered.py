"""Programs with other bytes: descriptors that are changed, memory that ends."""

from dataclasses import replace

import numpy as np
from mxsf.golden.accelerator.descriptor import encode
from mxsf.golden.accelerator.fields import FIELDS, SIZE


def ending(program, count=None):
    """A program whose memory ends with so many of its descriptors, by default all."""
    count = len(program.descriptors) if count is None else count
    size = program.start - program.origin + count * SIZE
    return replace(program, memory=program.memory[:size].copy())


def with_descriptor(program, number, data):
    """A program with other bytes, or another descriptor, in place of one."""
    data = data if isinstance(data, bytes) else encode(data)
    memory = program.memory.copy()
    place = program.start - program.origin + number * SIZE
    memory[place : place + SIZE] = np.frombuffer(data, np.uint8)
    return replace(program, memory=memory)


def with_fields(descriptor, **values):
    """Bytes of a descriptor with other values in some fields, whether that makes sense or not."""
    data = bytearray(encode(descriptor))
    fields = {field.name: field for field in FIELDS[data[0] & 0xF]}
    for name, value in values.items():
        field = fields[name]
        word = int.from_bytes(data[4 * field.word :][:4], "little")
        mask = (1 << field.width) - 1
        word = word & ~(mask << field.low) | (value & mask) << field.low
        data[4 * field.word : 4 * field.word + 4] = word.to_bytes(4, "little")
    return bytes(data)


def with_bit(descriptor, bit):
    """Bytes of a descriptor with a bit of 512 turned over."""
    data = bytearray(encode(descriptor))
    data[bit // 8] ^= 1 << bit % 8
    return bytes(data)
