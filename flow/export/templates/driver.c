/* Driver of an accelerator: see {{ driver }}.h. */
#include "{{ driver }}.h"

#ifndef MXSF_ACCELERATOR_READ
#define MXSF_ACCELERATOR_READ(base, offset) mxsf_accelerator_read(base, offset)
#endif
#ifndef MXSF_ACCELERATOR_WRITE
#define MXSF_ACCELERATOR_WRITE(base, offset, value) mxsf_accelerator_write(base, offset, value)
#endif

/* Offset of a register, and a field of its value, by their names in the header. */
#define REGISTER(name) MXSF_ACCELERATOR_##name
#define FIELD(value, field) MXSF_ACCELERATOR_GET(value, field)

enum { DESCRIPTOR = {{ size }}, LOAD_A = {{ opcodes.LOAD_A }}, LOAD_B = {{ opcodes.LOAD_B }}, MULTIPLY = {{ opcodes.MULTIPLY }},
       FENCE = {{ opcodes.FENCE }}, END = {{ opcodes.END }} };

static uint32_t get(const struct mxsf_accelerator *accelerator, uint32_t offset)
{
    return MXSF_ACCELERATOR_READ(accelerator->base, offset);
}

static void set(const struct mxsf_accelerator *accelerator, uint32_t offset, uint32_t value)
{
    MXSF_ACCELERATOR_WRITE(accelerator->base, offset, value);
}

/* Values of 64 bits have two registers, the low half first. */
static uint64_t get_wide(const struct mxsf_accelerator *accelerator, uint32_t offset)
{
    uint64_t high = get(accelerator, offset + 4u);
    return high << 32 | get(accelerator, offset);
}

static void set_wide(const struct mxsf_accelerator *accelerator, uint32_t offset, uint64_t value)
{
    set(accelerator, offset, (uint32_t)value);
    set(accelerator, offset + 4u, (uint32_t)(value >> 32));
}

int mxsf_accelerator_probe(struct mxsf_accelerator *accelerator, uintptr_t base)
{
    uint32_t built, memory, records;

    accelerator->base = base;
    accelerator->ended = 0;
    accelerator->on_end = 0;
    accelerator->context = 0;
    if (get(accelerator, REGISTER(ID)) != REGISTER(ID_IS)) return MXSF_ACCELERATOR_ABSENT;
    if (get(accelerator, REGISTER(VERSION)) >> 16 != REGISTER(VERSION_IS) >> 16)
        return MXSF_ACCELERATOR_OTHER_MAP;
    built = get(accelerator, REGISTER(CAPABILITY));
    memory = get(accelerator, REGISTER(MEMORY));
    records = get(accelerator, REGISTER(RECORDS));
    accelerator->tile = FIELD(built, CAPABILITY_TILE);
    accelerator->code_bits = FIELD(built, CAPABILITY_CODE_BITS);
    accelerator->pes = FIELD(built, CAPABILITY_PES);
    accelerator->requantizes = FIELD(built, CAPABILITY_REQUANTIZE);
    accelerator->stochastic = FIELD(built, CAPABILITY_STOCHASTIC);
    accelerator->depth = FIELD(memory, MEMORY_DEPTH);
    accelerator->beat = FIELD(memory, MEMORY_BUS);
    accelerator->code_record = FIELD(records, RECORDS_CODES);
    accelerator->word_record = FIELD(records, RECORDS_WORDS);
    accelerator->address_bits = FIELD(get(accelerator, REGISTER(ADDRESS)), ADDRESS_BITS);
    accelerator->element = get(accelerator, REGISTER(ELEMENT));
    accelerator->nested = get(accelerator, REGISTER(NESTED));
    accelerator->quantizer = get(accelerator, REGISTER(QUANTIZER));
    return MXSF_ACCELERATOR_OK;
}

/* A word of a descriptor: little-endian in memory, whatever the processor is. */
static uint32_t word(const uint8_t *descriptor, unsigned number)
{
    const uint8_t *byte = descriptor + 4u * number;
    return (uint32_t)byte[0] | (uint32_t)byte[1] << 8 | (uint32_t)byte[2] << 16 | (uint32_t)byte[3] << 24;
}

int mxsf_accelerator_check(const uint8_t *program, size_t size, size_t *where)
{
    size_t at;

    for (at = 0; at + DESCRIPTOR <= size; at += DESCRIPTOR) {
        uint32_t first = word(program + at, 0), sizes = word(program + at, 1);
        uint32_t opcode = first & 0xfu;

        *where = at;
        switch (opcode) {
        case END:
            return MXSF_ACCELERATOR_OK;
        case FENCE:
            break;
        case MULTIPLY:
            if ((first >> 4 & 3u) == 3u || !(word(program + at, 2) & 0xffffu))
                return MXSF_ACCELERATOR_NO_PROGRAM;
            /* fall through */
        case LOAD_A:
        case LOAD_B:
            if (!(sizes & 0xffffu) || !(sizes >> 16)) return MXSF_ACCELERATOR_NO_PROGRAM;
            break;
        default:
            return MXSF_ACCELERATOR_NO_PROGRAM;
        }
    }
    *where = at;
    return MXSF_ACCELERATOR_NO_PROGRAM;
}

int mxsf_accelerator_set_base(struct mxsf_accelerator *accelerator, unsigned number, uint64_t address)
{
    if (number >= {{ bases }}u) return MXSF_ACCELERATOR_BAD_ARGUMENT;
    set_wide(accelerator, REGISTER(BASE_0_LOW) + 8u * number, address);
    return MXSF_ACCELERATOR_OK;
}

void mxsf_accelerator_set_window(struct mxsf_accelerator *accelerator, uint64_t first, uint64_t end)
{
    set_wide(accelerator, REGISTER(WINDOW_LOW_LOW), first);
    set_wide(accelerator, REGISTER(WINDOW_HIGH_LOW), end);
}

int mxsf_accelerator_go(struct mxsf_accelerator *accelerator, uint64_t program, int interrupt)
{
    if (program % DESCRIPTOR) return MXSF_ACCELERATOR_BAD_ARGUMENT;
    /* go while a program runs is an error of the bus, which some processors do not survive. */
    if (FIELD(get(accelerator, REGISTER(STATUS)), STATUS_RUNNING)) return MXSF_ACCELERATOR_RUNS;
    accelerator->ended = 0;
    set_wide(accelerator, REGISTER(PROGRAM_LOW), program);
    set(accelerator, REGISTER(IRQ_ENABLE), interrupt ? REGISTER(IRQ_ENABLE_ENABLE_MASK) : 0u);
    set(accelerator, REGISTER(CONTROL), REGISTER(CONTROL_GO_MASK));
    return MXSF_ACCELERATOR_OK;
}

int mxsf_accelerator_wait(struct mxsf_accelerator *accelerator, mxsf_accelerator_idle idle,
                          void *context, struct mxsf_accelerator_result *result)
{
    uint32_t status;

    for (;;) {
        status = get(accelerator, REGISTER(STATUS));
        if (!FIELD(status, STATUS_RUNNING)) break;
        if (idle && idle(context)) return MXSF_ACCELERATOR_GAVE_UP;
    }
    result->fault = FIELD(status, STATUS_FAULT);
    result->descriptor = get_wide(accelerator, REGISTER(DESCRIPTOR_LOW));
    result->bus = get_wide(accelerator, REGISTER(BUS_LOW));
    result->next = get_wide(accelerator, REGISTER(PROGRAM_LOW));
    set(accelerator, REGISTER(CONTROL), REGISTER(CONTROL_CLEAR_MASK));
    return result->fault ? MXSF_ACCELERATOR_FAULTED : MXSF_ACCELERATOR_OK;
}

void mxsf_accelerator_on_end(struct mxsf_accelerator *accelerator, mxsf_accelerator_ended on_end,
                             void *context)
{
    accelerator->on_end = on_end;
    accelerator->context = context;
}

int mxsf_accelerator_interrupt(struct mxsf_accelerator *accelerator)
{
    if (!FIELD(get(accelerator, REGISTER(STATUS)), STATUS_IRQ)) return 0;
    set(accelerator, REGISTER(CONTROL), REGISTER(CONTROL_CLEAR_MASK));
    accelerator->ended = 1;
    if (accelerator->on_end) accelerator->on_end(accelerator->context);
    return 1;
}

void mxsf_accelerator_abort(struct mxsf_accelerator *accelerator)
{
    set(accelerator, REGISTER(CONTROL), REGISTER(CONTROL_ABORT_MASK));
}

uint64_t mxsf_accelerator_counter(const struct mxsf_accelerator *accelerator, uint32_t offset)
{
    return get_wide(accelerator, offset);
}

const char *mxsf_accelerator_status_text(int status)
{
    switch (status) {
    case MXSF_ACCELERATOR_OK: return "no error";
    case MXSF_ACCELERATOR_ABSENT: return "no accelerator at this address";
    case MXSF_ACCELERATOR_OTHER_MAP: return "the register map has another version";
    case MXSF_ACCELERATOR_RUNS: return "a program runs";
    case MXSF_ACCELERATOR_GAVE_UP: return "the program has not ended yet";
    case MXSF_ACCELERATOR_FAULTED: return "the program ended with a fault";
    case MXSF_ACCELERATOR_BAD_ARGUMENT: return "an argument is out of range, or an address misaligned";
    case MXSF_ACCELERATOR_NO_PROGRAM: return "no program: a bad descriptor, or no END";
    case MXSF_ACCELERATOR_UNSUITABLE: return "the network is for an accelerator that was built otherwise";
    default: return "unknown status";
    }
}

const char *mxsf_accelerator_fault_text(uint32_t fault)
{
    static const char *const texts[] = {
{% for text in faults %}
        "{{ text }}",
{% endfor %}
    };
    return fault < sizeof texts / sizeof texts[0] ? texts[fault] : "unknown fault";
}
