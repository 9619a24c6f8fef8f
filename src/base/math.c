/* SPDX-License-Identifier: Apache-2.0 */
#include "base/math.h"

/* |a| * |b| / c with remainder. Binary long division over the 128-bit product: 128 steps at most,
 * taken only where the product does not fit in 64 bits. */
static uint64_t mul_div_unsigned(uint64_t a, uint64_t b, uint64_t c, uint64_t *remainder)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    uint64_t high = (uint64_t)(product >> 64);
    uint64_t low = (uint64_t)product;

    if (high == 0) {
        *remainder = low % c;
        return low / c;
    }
    DR_ASSERT(high < c); /* otherwise the quotient needs more than 64 bits */

    uint64_t quotient = 0;
    uint64_t rest = high;
    for (int bit = 63; bit >= 0; bit -= 1) {
        uint64_t carry = rest >> 63;

        rest = (rest << 1) | ((low >> bit) & 1);
        quotient <<= 1;
        if (carry != 0 || rest >= c) {
            rest -= c;
            quotient |= 1;
        }
    }
    *remainder = rest;
    return quotient;
}

static uint64_t magnitude(int64_t value)
{
    return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

int64_t dr_mul_div_floor(int64_t a, int64_t b, int64_t c)
{
    uint64_t remainder;
    uint64_t quotient;
    int negative = (a < 0) != (b < 0);

    DR_ASSERT(c > 0);
    quotient = mul_div_unsigned(magnitude(a), magnitude(b), (uint64_t)c, &remainder);
    if (negative && remainder > 0)
        quotient += 1;
    DR_ASSERT(quotient <= (uint64_t)INT64_MAX);
    return negative ? -(int64_t)quotient : (int64_t)quotient;
}

int64_t dr_mul_div_ceil(int64_t a, int64_t b, int64_t c)
{
    uint64_t remainder;
    uint64_t quotient;
    int negative = (a < 0) != (b < 0);

    DR_ASSERT(c > 0);
    quotient = mul_div_unsigned(magnitude(a), magnitude(b), (uint64_t)c, &remainder);
    if (!negative && remainder > 0)
        quotient += 1;
    DR_ASSERT(quotient <= (uint64_t)INT64_MAX);
    return negative ? -(int64_t)quotient : (int64_t)quotient;
}
