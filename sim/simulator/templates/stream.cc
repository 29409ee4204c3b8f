// The clock loop of ``CompiledSimulator.stream``, for a design whose streams are i and o. The glue
// before it has Design, reset_design and settle of any compiler.

namespace {
uint64_t state;
bool chance(uint32_t share) {  // xorshift64*
    state ^= state >> 12; state ^= state << 25; state ^= state >> 27;
    return (state * 0x2545F4914F6CDD1DULL >> 40) < share;
}
bool bit(int port) {
    uint8_t byte;
    get_port(port, &byte);
    return byte;
}
void drive(int port, uint8_t value) { set_port(port, &value); }
}  // namespace

extern "C" void run_stream(const uint8_t *in, uint64_t n, uint8_t *out, uint64_t room,
                           uint32_t valid, uint32_t ready, uint64_t seed, uint64_t idle,
                           uint64_t *counts) {
    constexpr size_t IN = {{ bytes.i__payload }}, OUT = {{ bytes.o__payload }};
    reset_design();
    uint64_t sent = 0, received = 0, cycle = 0, quiet = 0, violation = 0;
    bool offering = false, was_stalled = false;
    uint8_t seen[OUT], before[OUT] = {};
    state = seed;
    while (received < room && quiet < idle && !violation) {
        if (!offering && sent < n && chance(valid)) {
            set_port({{ number.i__payload }}, in + sent * IN);
            offering = true;
        }
        drive({{ number.i__valid }}, offering);
        bool taking = chance(ready);
        drive({{ number.o__ready }}, taking);
        settle();
        bool accepted = offering && bit({{ number.i__ready }});
        bool offered = bit({{ number.o__valid }});
        get_port({{ number.o__payload }}, seen);
        if (was_stalled && !offered) violation = 1;
        if (was_stalled && offered && std::memcmp(before, seen, OUT)) violation = 2;
        was_stalled = offered && !taking;
        std::memcpy(before, seen, OUT);
        quiet++;
        if (offered && taking) {
            std::memcpy(out + received++ * OUT, seen, OUT);
            quiet = 0;
        }
        if (accepted) { sent++; offering = false; quiet = 0; }
        edge();
        cycle++;
    }
    counts[0] = received; counts[1] = cycle; counts[2] = violation;
}
