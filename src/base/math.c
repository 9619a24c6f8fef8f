/* SPDX-License-Identifier: Apache-2.0 */
#include "base/math.h"

/* One digit of a long division in base 2^32: the largest q with q * c <= rest * 2^32 + digit, where
 * rest < c and the highest bit of c is set. The estimate by the high half of c is at most two too
 * large. */
static uint64_t long_digit(uint64_t *rest, uint64_t digit, uint64_t c)
{
    uint64_t high = c >> 32;
    uint64_t low = c & UINT32_MAX;
    uint64_t quotient = *rest / high;
    uint64_t over = *rest % high;

    while (quotient > UINT32_MAX || quotient * low > ((over << 32) | digit)) {
        quotient -= 1;
        over += high;
        if (over > UINT32_MAX)
            break;
    }
    *rest = (*rest << 32) + digit - quotient * c; /* modulo 2^64, and less than c */
    return quotient;
}

/* |a| * |b| / c with remainder, by two steps of a long division: the core may not call the
 * compiler's own 128-bit division. */
static uint64_t mul_div_unsigned(uint64_t a, uint64_t b, uint64_t c, uint64_t *remainder)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    int shift = __builtin_clzll(c);
    uint64_t quotient;
    uint64_t high;
    uint64_t low;

    DR_ASSERT((uint64_t)(product >> 64) < c); /* otherwise the quotient needs more than 64 bits */
    product <<= shift;
    high = (uint64_t)(product >> 64);
    low = (uint64_t)product;
    quotient = long_digit(&high, low >> 32, c << shift) << 32;
    quotient |= long_digit(&high, low & UINT32_MAX, c << shift);
    *remainder = high >> shift;
    return quotient;
}

static uint64_t magnitude(int64_t value)
{
    return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

int64_t dr_mul_div_floor_wide(int64_t a, int64_t b, int64_t c)
{
    uint64_t remainder;
    uint64_t quotient;
    int negative = (a < 0) != (b < 0);

    quotient = mul_div_unsigned(magnitude(a), magnitude(b), (uint64_t)c, &remainder);
    if (negative && remainder > 0)
        quotient += 1;
    DR_ASSERT(quotient <= (uint64_t)INT64_MAX);
    return negative ? -(int64_t)quotient : (int64_t)quotient;
}

int64_t dr_mul_div_ceil_wide(int64_t a, int64_t b, int64_t c)
{
    uint64_t remainder;
    uint64_t quotient;
    int negative = (a < 0) != (b < 0);

    quotient = mul_div_unsigned(magnitude(a), magnitude(b), (uint64_t)c, &remainder);
    if (!negative && remainder > 0)
        quotient += 1;
    DR_ASSERT(quotient <= (uint64_t)INT64_MAX);
    return negative ? -(int64_t)quotient : (int64_t)quotient;
}
