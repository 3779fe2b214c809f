/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shortest decimal of a binary number: the method of R. Giulietti, "The Schubfach way to render doubles"
 * (2020). The number is scaled by a power of ten so that the interval of what reads back as it holds one or
 * two integers, or a multiple of ten; three multiplications of 64 by 128 bits find its ends. No state.
 */
#ifndef MILLRACE_BASE_TEXT_FLOAT_INT_H
#define MILLRACE_BASE_TEXT_FLOAT_INT_H

#include <stdint.h>

struct text_power {
    uint64_t high;
    uint64_t low;
};

/* 10^-292 to 10^324: what a double's exponents ask for. */
enum { TEXT_POWERS = 617, TEXT_POWERS_FIRST = -292 };
extern const struct text_power text_powers[TEXT_POWERS];

#endif
