/* SPDX-License-Identifier: Apache-2.0 */
/* math.h: integer arithmetic whose overflow and rounding are in the name. */
#ifndef DR_BASE_MATH_H
#define DR_BASE_MATH_H

#include <stdint.h>

#include "base/assert.h"

/* The two below, where the product leaves 64 bits. */
int64_t dr_mul_div_floor_wide(int64_t a, int64_t b, int64_t c);
int64_t dr_mul_div_ceil_wide(int64_t a, int64_t b, int64_t c);

/* a * b / c through 128 bits, rounded towards minus infinity. c > 0; the result must fit. */
static inline int64_t dr_mul_div_floor(int64_t a, int64_t b, int64_t c)
{
    int64_t product;

    DR_ASSERT(c > 0);
    if (__builtin_mul_overflow(a, b, &product))
        return dr_mul_div_floor_wide(a, b, c);
    return product / c - (product % c < 0);
}

/* The same, rounded up. */
static inline int64_t dr_mul_div_ceil(int64_t a, int64_t b, int64_t c)
{
    int64_t product;

    DR_ASSERT(c > 0);
    if (__builtin_mul_overflow(a, b, &product))
        return dr_mul_div_ceil_wide(a, b, c);
    return product / c + (product % c > 0);
}

static inline int64_t dr_min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t dr_max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline uint32_t dr_min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* How many bits are set; own code, since the compiler's call is not in core's import list. */
static inline uint32_t dr_bit_count(uint64_t word)
{
    word = word - ((word >> 1) & 0x5555555555555555ull);
    word = (word & 0x3333333333333333ull) + ((word >> 2) & 0x3333333333333333ull);
    word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0full;
    return (uint32_t)((word * 0x0101010101010101ull) >> 56);
}

/* Position of the lowest set bit; word != 0. */
static inline uint32_t dr_bit_lowest(uint64_t word)
{
    return (uint32_t)__builtin_ctzll(word);
}

/* Position of the highest set bit; word != 0. */
static inline uint32_t dr_bit_highest(uint64_t word)
{
    return 63u - (uint32_t)__builtin_clzll(word);
}

/* How many bits a number has: 0 for 0, else the place of its highest bit plus one. */
static inline uint32_t dr_bit_log(uint32_t value)
{
    return value == 0 ? 0 : 32 - (uint32_t)__builtin_clz(value);
}

#endif
