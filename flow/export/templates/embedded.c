/* {{ title }}, by mxsf embed. */
#include "mxsf_accelerator_network.h"

static const uint8_t {{ name }}_image[] = {
{% for line in image %}
    {{ line }},
{% endfor %}
};

static const struct mxsf_accelerator_binade {{ name }}_binades[] = {
{% for binade in binades %}
    { {{ binade.exponent }}, {{ binade.first_code }}u, {{ binade.mantissa_bits }}u },
{% endfor %}
};

extern const struct mxsf_accelerator_network {{ name }};
const struct mxsf_accelerator_network {{ name }} = {
    .image = {{ name }}_image,
    .binades = {{ name }}_binades,
{% for field, value in fields.items() %}
    .{{ field }} = {{ value }}u,
{% endfor %}
};
{% if count %}

extern const uint32_t {{ name }}_image_count;
extern const float {{ name }}_images[];
const uint32_t {{ name }}_image_count = {{ count }}u;
const float {{ name }}_images[] = {
{% for line in floats %}
    {{ line }},
{% endfor %}
};
{% endif %}
