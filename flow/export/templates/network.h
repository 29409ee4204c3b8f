/* Networks that `mxsf embed` wrote as C, on an accelerator: C99, no allocation, no operating system.
   Their memory is bytes that the processor and the accelerator share; caches are the platform's
   matter, as {{ driver }}.h says. Bytes are read and written one by one, so that
   the processor may have either byte order; its float must be IEEE 754 binary32. */
#ifndef MXSF_ACCELERATOR_NETWORK_H
#define MXSF_ACCELERATOR_NETWORK_H

#include "{{ driver }}.h"

/* A batch of images in memory: tiles of codes with a scale each, or tiles of FP32 words. */
struct mxsf_accelerator_images {
    uint32_t values;   /* offset of the first tile */
    uint32_t scales;   /* offset of the scale of the first tile; 0 where tiles are words */
    uint32_t batch;    /* images */
    uint32_t channels; /* of an image */
    uint32_t height;   /* pixels */
    uint32_t width;    /* pixels */
    uint32_t columns;  /* tiles of the channels of a pixel */
    uint32_t border;   /* pixels of zeros on each side */
};

/* Magnitudes of an element format in [2^exponent, 2^(exponent + 1)). */
struct mxsf_accelerator_binade {
    int32_t exponent;
    uint32_t first_code;
    uint32_t mantissa_bits;
};

struct mxsf_accelerator_network {
    const uint8_t *image; /* memory from its beginning on: programs and weights */
    uint32_t filled;      /* bytes of image; all others are 0 */
    uint32_t size;        /* bytes of memory */
    uint32_t start;       /* offset of the program */
    /* The accelerator that it was compiled for. */
    uint32_t tile, code_bits, depth, beat, code_record, word_record;
    uint32_t element, nested, quantizer; /* as the registers say them */
    struct mxsf_accelerator_images input, output;
    /* Its element format: binades from the highest down to the lowest, which reaches 0. */
    const struct mxsf_accelerator_binade *binades;
    uint32_t binade_count;
    uint32_t largest_code;
    uint32_t twos_complement; /* whether codes are so; else they are sign and magnitude */
};

/* Put a network into memory, and set base registers and window to it. `memory` is where the processor
   sees it, `address`, a multiple of 64, where the accelerator does. */
int mxsf_accelerator_network_load(struct mxsf_accelerator *accelerator,
                                  const struct mxsf_accelerator_network *network,
                                  volatile uint8_t *memory, uint64_t address);

/* Numbers of an image that goes in, and of what comes out. */
uint32_t mxsf_accelerator_network_inputs(const struct mxsf_accelerator_network *network);
uint32_t mxsf_accelerator_network_outputs(const struct mxsf_accelerator_network *network);

/* Quantize images, one after another, each channels x height x width, into memory; the rest of the
   batch is images of zeros. */
int mxsf_accelerator_network_put(const struct mxsf_accelerator_network *network,
                                 volatile uint8_t *memory, const float *images, uint32_t count);

/* What the network said of an image of the batch. */
int mxsf_accelerator_network_get(const struct mxsf_accelerator_network *network,
                                 const volatile uint8_t *memory, uint32_t image, float *outputs);

#endif
