/* Runs a network on an accelerator, and prints the class of each image and what the network said.
   No allocation, no operating system; printf is that of your platform. Compile it with
   mxsf_accelerator_driver.c, mxsf_accelerator_network.c and what `mxsf embed IMAGE --input x.npy` wrote. */
#include <stdio.h>

#include "{{ network }}.h"

/* Where the registers are; where the processor sees memory that it shares with the accelerator; and
   where the accelerator sees it. */
#ifndef EXAMPLE_REGISTERS
#define EXAMPLE_REGISTERS 0x43c00000u
#endif
#ifndef EXAMPLE_MEMORY
#define EXAMPLE_MEMORY 0x10000000u
#endif
#ifndef EXAMPLE_ADDRESS
#define EXAMPLE_ADDRESS EXAMPLE_MEMORY
#endif
#ifndef EXAMPLE_PRINT
#define EXAMPLE_PRINT printf
#endif

enum { MOST = 1024 }; /* numbers that the network says of an image */

extern const struct mxsf_accelerator_network network;
extern const float network_images[];
extern const uint32_t network_image_count;

static struct mxsf_accelerator accelerator;
static float said[MOST];

static int failed(const char *what, int status)
{
    EXAMPLE_PRINT("%s: %s\n", what, mxsf_accelerator_status_text(status));
    return status;
}

/* The largest number of `said` is that of the class. */
static unsigned class_said(unsigned count)
{
    unsigned best = 0, number;

    for (number = 1; number < count; number++)
        if (said[number] > said[best]) best = number;
    return best;
}

static int run_batch(volatile uint8_t *memory, uint32_t first, uint32_t count)
{
    const float *images = network_images + (size_t)first * mxsf_accelerator_network_inputs(&network);
    unsigned outputs = (unsigned)mxsf_accelerator_network_outputs(&network), number;
    struct mxsf_accelerator_result result;
    uint32_t image;
    int status;

    status = mxsf_accelerator_network_put(&network, memory, images, count);
    if (status) return failed("images", status);
    status = mxsf_accelerator_go(&accelerator, (uint64_t)EXAMPLE_ADDRESS + network.start, 0);
    if (status) return failed("go", status);
    status = mxsf_accelerator_wait(&accelerator, 0, 0, &result);
    if (status) return failed(mxsf_accelerator_fault_text(result.fault), status);
    for (image = 0; image < count; image++) {
        mxsf_accelerator_network_get(&network, memory, image, said);
        EXAMPLE_PRINT("image %u: class %u:", (unsigned)(first + image), class_said(outputs));
        for (number = 0; number < outputs; number++) EXAMPLE_PRINT(" %.9g", (double)said[number]);
        EXAMPLE_PRINT("\n");
    }
    return MXSF_ACCELERATOR_OK;
}

int main(void)
{
    volatile uint8_t *memory = (volatile uint8_t *)EXAMPLE_MEMORY;
    uint32_t first, count;
    int status;

    if (mxsf_accelerator_network_outputs(&network) > MOST) return failed("outputs", MXSF_ACCELERATOR_BAD_ARGUMENT);
    status = mxsf_accelerator_probe(&accelerator, EXAMPLE_REGISTERS);
    if (status) return failed("probe", status);
    status = mxsf_accelerator_network_load(&accelerator, &network, memory, EXAMPLE_ADDRESS);
    if (status) return failed("load", status);
    for (first = 0; first < network_image_count; first += count) {
        count = network_image_count - first;
        if (count > network.input.batch) count = network.input.batch;
        status = run_batch(memory, first, count);
        if (status) return status;
    }
    EXAMPLE_PRINT("%lu cycles since reset\n",
                  (unsigned long)mxsf_accelerator_counter(&accelerator, MXSF_ACCELERATOR_COUNT_CYCLES_LOW));
    return 0;
}
