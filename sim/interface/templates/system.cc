// {{ top }}, compiled by Verilator, between a memory on its AXI4 manager and a host on its
// registers. A memory of fixed latency: it takes what it can answer in order, a beat a cycle.
#include "Vdesign.h"
#include "verilated.h"

#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>

namespace {

constexpr unsigned BEAT = {{ beat }};
constexpr size_t MOST = {{ outstanding }};
constexpr unsigned PATIENCE = 10000;  // cycles until a register must have answered

struct Burst {
    uint64_t address, due;
    unsigned beats;
    bool refused;
};

struct System {
    VerilatedContext context;
    Vdesign top{&context};
    uint8_t *memory = nullptr;
    uint64_t size = 0, origin = 0, latency = 0, now = 0;
    std::deque<Burst> reads, writes, answers;
    bool r_valid = false, b_valid = false;
    bool aw_moved = false, w_moved = false, ar_moved = false, b_moved = false, r_moved = false;
    uint32_t value = 0, response = 0;

    bool has(uint64_t address) const {
        return address >= origin && address - origin <= size - BEAT && size >= BEAT;
    }

    // What the memory drives in a cycle.
    void offer() {
        if (!r_valid && !reads.empty() && reads.front().due <= now) {
            const Burst &burst = reads.front();
            r_valid = true;
            if (has(burst.address)) std::memcpy(&top.m_axi_rdata, memory + (burst.address - origin), BEAT);
            top.m_axi_rresp = has(burst.address) ? 0 : 3;
            top.m_axi_rlast = burst.beats == 1;
        }
        if (!b_valid && !answers.empty() && answers.front().due <= now) {
            b_valid = true;
            top.m_axi_bresp = answers.front().refused ? 3 : 0;
        }
        top.m_axi_rvalid = r_valid;
        top.m_axi_bvalid = b_valid;
        top.m_axi_arready = reads.size() < MOST;
        top.m_axi_awready = writes.size() + answers.size() < MOST;
        top.m_axi_wready = !writes.empty();
    }

    // What moved in a cycle.
    void take() {
        if (top.m_axi_wvalid && top.m_axi_wready) write_beat();
        if (top.m_axi_awvalid && top.m_axi_awready)
            writes.push_back({top.m_axi_awaddr, 0, top.m_axi_awlen + 1u, false});
        if (r_valid && top.m_axi_rready) {
            Burst &burst = reads.front();
            burst.address += BEAT;
            if (!--burst.beats) reads.pop_front();
            r_valid = false;
        }
        if (b_valid && top.m_axi_bready) {
            answers.pop_front();
            b_valid = false;
        }
        if (top.m_axi_arvalid && top.m_axi_arready)
            reads.push_back({top.m_axi_araddr, now + latency, top.m_axi_arlen + 1u, false});
    }

    void write_beat() {
        Burst &burst = writes.front();
        uint64_t strobes = 0;
        std::memcpy(&strobes, &top.m_axi_wstrb, sizeof top.m_axi_wstrb);
        const auto *data = reinterpret_cast<const uint8_t *>(&top.m_axi_wdata);
        if (!has(burst.address)) burst.refused = true;
        else
            for (unsigned lane = 0; lane < BEAT; lane++)
                if (strobes >> lane & 1) memory[burst.address - origin + lane] = data[lane];
        burst.address += BEAT;
        if (!top.m_axi_wlast) return;
        burst.due = now + latency;
        answers.push_back(burst);
        writes.pop_front();
    }

    void cycle() {
        offer();
        top.eval();
        aw_moved = top.s_axi_awvalid && top.s_axi_awready;
        w_moved = top.s_axi_wvalid && top.s_axi_wready;
        ar_moved = top.s_axi_arvalid && top.s_axi_arready;
        b_moved = top.s_axi_bvalid && top.s_axi_bready;
        r_moved = top.s_axi_rvalid && top.s_axi_rready;
        if (r_moved) value = top.s_axi_rdata;
        if (r_moved) response = top.s_axi_rresp;
        if (b_moved) response = top.s_axi_bresp;
        take();
        top.{{ clock }} = 1;
        top.eval();
        top.{{ clock }} = 0;
        if (aw_moved) top.s_axi_awvalid = 0;
        if (w_moved) top.s_axi_wvalid = 0;
        if (ar_moved) top.s_axi_arvalid = 0;
        now++;
    }

    void reset() {
        top.{{ reset }} = {{ active }};
        for (int n = 0; n < 4; n++) cycle();
        top.{{ reset }} = {{ 1 - active }};
    }
};

std::unique_ptr<System> made;

}  // namespace

extern "C" void system_reset() {
    made.reset(new System);
    made->reset();
}

extern "C" void system_attach(uint8_t *memory, uint64_t size, uint64_t origin, uint64_t latency) {
    made->memory = memory;
    made->size = size;
    made->origin = origin;
    made->latency = latency;
}

// The response of an access, -1 where there is none.
extern "C" int system_write(uint32_t address, uint32_t value) {
    Vdesign &top = made->top;
    top.s_axi_awaddr = address;
    top.s_axi_wdata = value;
    top.s_axi_wstrb = 0xf;
    top.s_axi_awvalid = top.s_axi_wvalid = top.s_axi_bready = 1;
    for (unsigned n = 0; n < PATIENCE; n++) {
        made->cycle();
        if (!made->b_moved) continue;
        top.s_axi_bready = 0;
        return made->response;
    }
    return -1;
}

extern "C" int system_read(uint32_t address, uint32_t *value) {
    Vdesign &top = made->top;
    top.s_axi_araddr = address;
    top.s_axi_arvalid = top.s_axi_rready = 1;
    for (unsigned n = 0; n < PATIENCE; n++) {
        made->cycle();
        if (!made->r_moved) continue;
        top.s_axi_rready = 0;
        *value = made->value;
        return made->response;
    }
    return -1;
}

// Cycles until the interrupt, so many at most.
extern "C" void system_wait(uint64_t cycles) {
    for (uint64_t n = 0; n < cycles && !made->top.irq; n++) made->cycle();
}

extern "C" int system_irq() { return made->top.irq; }

extern "C" uint64_t system_now() { return made->now; }
