/* Driver of an accelerator ({{ header }}): C99, no allocation, no operating system.
   Registers are read and written by MXSF_ACCELERATOR_READ and MXSF_ACCELERATOR_WRITE, which are the
   accesses of {{ header }} unless they are defined before. Memory that the accelerator and the
   program share is the platform's matter: write back what was put there before go, and invalidate what is read
   after the end, where there are caches. */
#ifndef MXSF_ACCELERATOR_DRIVER_H
#define MXSF_ACCELERATOR_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#include "{{ header }}"

/* What a function returns. */
enum mxsf_accelerator_status {
    MXSF_ACCELERATOR_OK = 0,
    MXSF_ACCELERATOR_ABSENT,       /* no accelerator answers at the base address */
    MXSF_ACCELERATOR_OTHER_MAP,    /* its register map has another major version */
    MXSF_ACCELERATOR_RUNS,         /* a program runs */
    MXSF_ACCELERATOR_GAVE_UP,      /* the caller did not want to wait any longer */
    MXSF_ACCELERATOR_FAULTED,      /* the program ended with a fault: see the result */
    MXSF_ACCELERATOR_BAD_ARGUMENT, /* no such register, or an address that is not aligned */
    MXSF_ACCELERATOR_NO_PROGRAM,   /* what is checked has no END, or no such descriptor */
    MXSF_ACCELERATOR_UNSUITABLE    /* a network is for an accelerator that was built otherwise */
};

/* Called when a program has ended; see mxsf_accelerator_on_end. */
typedef void (*mxsf_accelerator_ended)(void *context);

/* An accelerator: where its registers are, and what it was built as. */
struct mxsf_accelerator {
    uintptr_t base;
    uint32_t tile;         /* rows and columns of a tile */
    uint32_t code_bits;    /* bits of an element code */
    uint32_t pes;          /* dot products in parallel */
    uint32_t depth;        /* tiles of each tile memory */
    uint32_t beat;         /* bytes of a beat of the bus: alignment of planes of codes and words */
    uint32_t code_record;  /* bytes of the codes of a tile in memory */
    uint32_t word_record;  /* bytes of the FP32 words of a tile in memory */
    uint32_t requantizes;  /* whether products can leave as tiles */
    uint32_t stochastic;   /* whether they can be rounded stochastically */
    uint32_t address_bits; /* bits of a byte address */
    uint32_t element;      /* what a code means, which formats are nested in it, and how the */
    uint32_t nested;       /* re-quantizer works: as the registers say it */
    uint32_t quantizer;
    volatile int ended;    /* set by mxsf_accelerator_interrupt */
    mxsf_accelerator_ended on_end;
    void *context;
};

/* What became of a program. */
struct mxsf_accelerator_result {
    uint32_t fault;      /* 0 for none; mxsf_accelerator_fault_text says it in words */
    uint64_t descriptor; /* the one that ended the program */
    uint64_t bus;        /* the burst that the bus refused, 0 for none */
    uint64_t next;       /* where the next program begins that needs no other address */
};

/* Called between two looks at a program that runs, for example to sleep until an interrupt or to
   count time; anything but 0 gives up. */
typedef int (*mxsf_accelerator_idle)(void *context);

/* Look for an accelerator, and read what it was built as. */
int mxsf_accelerator_probe(struct mxsf_accelerator *accelerator, uintptr_t base);

/* Look at the descriptors of a program up to its END: opcodes, reserved opcodes of starts, sizes of
   0. The accelerator itself checks all, and when. Returns in `where` the byte that is wrong. */
int mxsf_accelerator_check(const uint8_t *program, size_t size, size_t *where);

/* Set a base register, or the window of addresses that planes may have (0 as the end: all). */
int mxsf_accelerator_set_base(struct mxsf_accelerator *accelerator, unsigned number, uint64_t address);
void mxsf_accelerator_set_window(struct mxsf_accelerator *accelerator, uint64_t first, uint64_t end);

/* Begin the program at an address, a multiple of 64, with or without an interrupt at its end. */
int mxsf_accelerator_go(struct mxsf_accelerator *accelerator, uint64_t program, int interrupt);

/* Wait until no program runs; `idle` may be 0. Then say what became of it. */
int mxsf_accelerator_wait(struct mxsf_accelerator *accelerator, mxsf_accelerator_idle idle,
                          void *context, struct mxsf_accelerator_result *result);

/* Have a function called at the end of each program that begins with an interrupt, from the handler;
   0 for none. It may begin the next program after mxsf_accelerator_wait, which then returns at once. */
void mxsf_accelerator_on_end(struct mxsf_accelerator *accelerator, mxsf_accelerator_ended on_end,
                             void *context);

/* To be called by the handler of the interrupt: takes it back, notes the end, calls on_end. Returns
   whether the interrupt was this accelerator's, for lines that several devices share. */
int mxsf_accelerator_interrupt(struct mxsf_accelerator *accelerator);

/* End what runs; wait as ever. */
void mxsf_accelerator_abort(struct mxsf_accelerator *accelerator);

/* A counter, by the offset of its low half, MXSF_ACCELERATOR_COUNT_..._LOW; when no program runs. */
uint64_t mxsf_accelerator_counter(const struct mxsf_accelerator *accelerator, uint32_t offset);

/* Words for people. */
const char *mxsf_accelerator_status_text(int status);
const char *mxsf_accelerator_fault_text(uint32_t fault);

#endif
