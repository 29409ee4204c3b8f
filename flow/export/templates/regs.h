/* Registers of {{ top }}, on its AXI4-Lite interface s_axi. Offsets are bytes. */
#ifndef {{ guard }}
#define {{ guard }}

#include <stdint.h>

{% for register in registers %}
/* {{ register.title }}. {{ register.access.value }} */
#define {{ prefix }}_{{ register.name | upper }} {{ "0x%03x" | format(register.offset) }}u
{% if register.constant is not none %}
#define {{ prefix }}_{{ register.name | upper }}_IS {{ "0x%08x" | format(register.constant) }}u
{% endif %}
{% for field in register.fields %}
{% set name = prefix ~ "_" ~ (register.name | upper) ~ "_" ~ (field.name | upper) %}
#define {{ name }}_SHIFT {{ field.low }}
#define {{ name }}_MASK {{ "0x%08x" | format(field.mask) }}u /* {{ field.title }} */
{% endfor %}

{% endfor %}
/* Read or write a register of the instance at an address. */
static inline uint32_t {{ prefix | lower }}_read(uintptr_t base, uint32_t offset)
{
    return *(volatile uint32_t *)(base + offset);
}

static inline void {{ prefix | lower }}_write(uintptr_t base, uint32_t offset, uint32_t value)
{
    *(volatile uint32_t *)(base + offset) = value;
}

#endif
