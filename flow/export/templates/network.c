/* Networks on an accelerator: see {{ network }}.h. */
#include "{{ network }}.h"

typedef struct mxsf_accelerator_network network_t;
typedef struct mxsf_accelerator_images images_t;

/* A word of FP32, and its bits. */
union word {
    float value;
    uint32_t bits;
};

enum { WORD_BIAS = 127, WORD_MANTISSA = 23, SPECIAL = 0xff, LARGEST_SCALE = 0xfe };

static uint32_t biased_exponent(uint32_t word)
{
    return word >> WORD_MANTISSA & 0xffu;
}

static uint32_t numbers(const images_t *images)
{
    return images->channels * images->height * images->width;
}

/* Number of the tile of a pixel of the images of a group. */
static uint32_t tile_at(const images_t *images, uint32_t group, uint32_t y, uint32_t x, uint32_t column)
{
    uint32_t border = images->border;
    uint32_t line = group * (images->height + 2u * border) + y + border;
    return (line * (images->width + 2u * border) + x + border) * images->columns + column;
}

int mxsf_accelerator_network_load(struct mxsf_accelerator *accelerator, const network_t *network,
                                  volatile uint8_t *memory, uint64_t address)
{
    size_t at, where;
    unsigned number;

    if (accelerator->tile != network->tile || accelerator->code_bits != network->code_bits ||
        accelerator->depth < network->depth || accelerator->beat != network->beat ||
        accelerator->code_record != network->code_record || accelerator->word_record != network->word_record ||
        accelerator->element != network->element || accelerator->nested != network->nested ||
        accelerator->quantizer != network->quantizer)
        return MXSF_ACCELERATOR_UNSUITABLE;
    if (address % {{ size }}u) return MXSF_ACCELERATOR_BAD_ARGUMENT;
    if (network->start > network->filled || mxsf_accelerator_check(network->image + network->start,
                                                                   network->filled - network->start, &where))
        return MXSF_ACCELERATOR_NO_PROGRAM;
    for (at = 0; at < network->size; at++) memory[at] = at < network->filled ? network->image[at] : 0;
    for (number = 0; number < {{ bases }}u; number++) mxsf_accelerator_set_base(accelerator, number, address);
    mxsf_accelerator_set_window(accelerator, address, address + network->size);
    return MXSF_ACCELERATOR_OK;
}

uint32_t mxsf_accelerator_network_inputs(const network_t *network)
{
    return numbers(&network->input);
}

uint32_t mxsf_accelerator_network_outputs(const network_t *network)
{
    return numbers(&network->output);
}

/* The code of a word over 2^scale: nearest, ties to the even code, saturating; a subnormal is 0. */
static uint32_t encode(const network_t *network, uint32_t word, int32_t scale)
{
    const struct mxsf_accelerator_binade *binade = network->binades;
    const struct mxsf_accelerator_binade *last = binade + network->binade_count - 1u;
    int32_t exponent = (int32_t)biased_exponent(word) - WORD_BIAS - scale;
    uint32_t code = 0, sign = word >> 31;

    if (biased_exponent(word) && exponent > binade->exponent) {
        code = network->largest_code;
    } else if (biased_exponent(word)) {
        uint32_t significand = (word & 0x7fffffu) | 0x800000u, rest, half;
        int32_t shift;

        while (binade < last && binade->exponent > exponent) binade++;
        shift = WORD_MANTISSA - (int32_t)binade->mantissa_bits + binade->exponent - exponent;
        if (shift > 31) shift = 31;
        half = (uint32_t)1 << (shift - 1);
        rest = significand & (2u * half - 1u);
        code = binade->first_code - ((uint32_t)1 << binade->mantissa_bits) + (significand >> shift);
        if (rest > half || (rest == half && (code & 1u))) code++;
        if (code > network->largest_code) code = network->largest_code;
    }
    if (network->twos_complement) return (sign ? 0u - code : code) & (((uint32_t)1 << network->code_bits) - 1u);
    return code | sign << (network->code_bits - 1u);
}

/* Images that are put into memory. */
struct source {
    const network_t *network;
    const float *images;
    uint32_t count;
};

/* Bits of the word in a row and a column of a tile: 0 where no image or channel is. */
static uint32_t word_at(const struct source *source, uint32_t image, uint32_t channel, uint32_t y, uint32_t x)
{
    const images_t *input = &source->network->input;
    union word word;

    if (image >= source->count || channel >= input->channels) return 0;
    word.value = source->images[((image * input->channels + channel) * input->height + y) * input->width + x];
    return word.bits;
}

static void put_tile(const struct source *source, volatile uint8_t *memory, uint32_t group, uint32_t y, uint32_t x,
                     uint32_t column)
{
    const network_t *network = source->network;
    uint32_t tile = network->tile, place = tile_at(&network->input, group, y, x, column), number, largest = 0, scale;
    volatile uint8_t *record = memory + network->input.values + (size_t)place * network->code_record;

    for (number = 0; number < network->code_record; number++) record[number] = 0;
    for (number = 0; number < tile * tile; number++) {
        uint32_t word = word_at(source, group * tile + number / tile, column * tile + number % tile, y, x);
        if ((word & 0x7fffffffu) > largest) largest = word & 0x7fffffffu;
    }
    largest = biased_exponent(largest);
    scale = 0;
    if (largest == SPECIAL) scale = SPECIAL;
    else if (largest && (int32_t)largest > network->binades->exponent) {
        scale = (uint32_t)((int32_t)largest - network->binades->exponent);
        if (scale > LARGEST_SCALE) scale = LARGEST_SCALE;
    }
    memory[network->input.scales + place] = (uint8_t)scale;
    for (number = 0; number < tile * tile && scale != SPECIAL; number++) {
        uint32_t word = word_at(source, group * tile + number / tile, column * tile + number % tile, y, x);
        uint32_t code = encode(network, word, (int32_t)scale - WORD_BIAS), bit, at = number * network->code_bits;

        for (bit = 0; bit < network->code_bits; bit++, at++)
            if (code >> bit & 1u) record[at / 8u] = (uint8_t)(record[at / 8u] | 1u << at % 8u);
    }
}

int mxsf_accelerator_network_put(const network_t *network, volatile uint8_t *memory, const float *images,
                                 uint32_t count)
{
    struct source source = {network, images, count};
    uint32_t group, y, x, column;

    if (count > network->input.batch) return MXSF_ACCELERATOR_BAD_ARGUMENT;
    for (group = 0; group * network->tile < network->input.batch; group++)
        for (y = 0; y < network->input.height; y++)
            for (x = 0; x < network->input.width; x++)
                for (column = 0; column < network->input.columns; column++)
                    put_tile(&source, memory, group, y, x, column);
    return MXSF_ACCELERATOR_OK;
}

int mxsf_accelerator_network_get(const network_t *network, const volatile uint8_t *memory, uint32_t image,
                                 float *outputs)
{
    const images_t *output = &network->output;
    uint32_t tile = network->tile, channel, y, x;

    if (image >= output->batch) return MXSF_ACCELERATOR_BAD_ARGUMENT;
    for (channel = 0; channel < output->channels; channel++)
        for (y = 0; y < output->height; y++)
            for (x = 0; x < output->width; x++) {
                size_t place = tile_at(output, image / tile, y, x, channel / tile);
                const volatile uint8_t *byte = memory + output->values + place * network->word_record +
                                               4u * (image % tile * tile + channel % tile);
                union word word;

                /* Little-endian in memory, whatever the processor is. */
                word.bits = byte[0];
                word.bits |= (uint32_t)byte[1] << 8;
                word.bits |= (uint32_t)byte[2] << 16;
                word.bits |= (uint32_t)byte[3] << 24;
                *outputs++ = word.value;
            }
    return MXSF_ACCELERATOR_OK;
}
