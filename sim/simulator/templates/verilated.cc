// A plain C interface of a design that Verilator compiled.
#include "Vdesign.h"
#include "verilated.h"

#include <cstdint>
#include <cstring>
#include <memory>

namespace {
struct Design {
    VerilatedContext context;
    Vdesign top{&context};
};
std::unique_ptr<Design> design(new Design);

// Bits of a port are those of a little-endian number, whatever its type.
template <class Port> void write(Port &port, const uint8_t *data, size_t bytes) {
    std::memset(&port, 0, sizeof port);
    std::memcpy(&port, data, bytes);
}
template <class Port> void read(const Port &port, uint8_t *data, size_t bytes) {
    std::memcpy(data, &port, bytes);
}
}  // namespace

extern "C" void reset_design() { design.reset(new Design); }
extern "C" void settle() { design->top.eval(); }
extern "C" void edge() {
{% if clock %}
    design->top.{{ clock }} = 1; design->top.eval();
    design->top.{{ clock }} = 0;
{% endif %}
}
extern "C" void set_port(int port, const uint8_t *data) {
    switch (port) {
{% for port in ports if port.input %}
    case {{ port.number }}: write(design->top.{{ port.member }}, data, {{ port.bytes }}); break;
{% endfor %}
    }
}
extern "C" void get_port(int port, uint8_t *data) {
    switch (port) {
{% for port in ports %}
    case {{ port.number }}: read(design->top.{{ port.member }}, data, {{ port.bytes }}); break;
{% endfor %}
    }
}
