
// A plain C interface of {{ top }}.
#include <cstring>
#include <memory>
namespace {
using Design = cxxrtl_design::{{ top }};
std::unique_ptr<Design> design(new Design);

template <size_t Bits> cxxrtl::value<Bits> &current(cxxrtl::value<Bits> &v) { return v; }
template <size_t Bits> cxxrtl::value<Bits> &current(cxxrtl::wire<Bits> &w) { return w.curr; }
template <size_t Bits> void load(cxxrtl::value<Bits> &v, const uint8_t *data) {
    std::memset(v.data, 0, sizeof v.data);
    std::memcpy(v.data, data, (Bits + 7) / 8);
}
template <size_t Bits> void store(const cxxrtl::value<Bits> &v, uint8_t *data) {
    std::memcpy(data, v.data, (Bits + 7) / 8);
}
template <class Port> void write(Port &port, const uint8_t *data) { load(current(port), data); }
template <class Port> void read(Port &port, uint8_t *data) { store(current(port), data); }
}  // namespace

extern "C" void reset_design() { design.reset(new Design); }
extern "C" void settle() { design->step(); }
// After the step with the clock high the combinational outputs are stale: who reads them settles again.
extern "C" void edge() {
{% if clock %}
    design->{{ clock }}.set(1u); design->step();
    design->{{ clock }}.set(0u);
{% endif %}
}
extern "C" void set_port(int port, const uint8_t *data) {
    switch (port) {
{% for port in ports if port.input %}
    case {{ port.number }}: write(design->{{ port.member }}, data); break;
{% endfor %}
    }
}
extern "C" void get_port(int port, uint8_t *data) {
    switch (port) {
{% for port in ports %}
    case {{ port.number }}: read(design->{{ port.member }}, data); break;
{% endfor %}
    }
}
