/* Registers of {{ design }} on its AXI4-Lite interface s_axi. Offsets are bytes.
   This file is the same for every {{ design }} (version {{ version }} of the map): a driver reads from the registers
   what one was built as ({{ built | join(", ") }}). */
#ifndef {{ prefix }}_REGS_H
#define {{ prefix }}_REGS_H

#include <stdint.h>

{% for register in registers %}
/* {{ register.title }}. {{ register.access.value }}{{ ", fixed when it was built" if register.built }} */
#define {{ prefix }}_{{ register.name | upper }} {{ "0x%03x" | format(register.offset) }}u
{% if register.constant is not none and not register.built %}
#define {{ prefix }}_{{ register.name | upper }}_IS {{ "0x%08x" | format(register.constant) }}u
{% endif %}
{% for field in register.fields if not field.built %}
{% set name = prefix ~ "_" ~ (register.name | upper) ~ "_" ~ (field.name | upper) %}
#define {{ name }}_SHIFT {{ field.low }}
#define {{ name }}_MASK {{ "0x%08x" | format(field.mask) }}u /* {{ field.title }} */
{% endfor %}

{% endfor %}
{% set status = registers | selectattr("name", "equalto", "status") | first %}
/* A field of a register's value: {{ prefix }}_GET(value, STATUS_{{ status.fields[0].name | upper }}). */
#define {{ prefix }}_GET(value, field) \
    (((uint32_t)(value) & {{ prefix }}_##field##_MASK) >> {{ prefix }}_##field##_SHIFT)

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
