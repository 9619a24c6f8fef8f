/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/chance.h"

#include "base/hash.h"
#include "base/math.h"

#define ONE (INT64_C(1) << 32)
#define LN2 INT64_C(2977044471) /* ln 2 times 2^32 */

struct dr_chance dr_chance_of(uint64_t seed)
{
    return (struct dr_chance){dr_hash_u64(seed + UINT64_C(0x9e3779b97f4a7c15))};
}

uint64_t dr_chance_bits(struct dr_chance *chance)
{
    chance->state += UINT64_C(0x9e3779b97f4a7c15);
    return dr_hash_u64(chance->state);
}

uint64_t dr_chance_below(struct dr_chance *chance, uint64_t below)
{
    return (uint64_t)((unsigned __int128)dr_chance_bits(chance) * below >> 64);
}

int dr_chance_millionths(struct dr_chance *chance, uint32_t millionths)
{
    return dr_chance_below(chance, 1000000) < millionths;
}

uint64_t dr_chance_exp2(int64_t x)
{
    /* 2^(1/2), 2^(1/4), 2^(1/8), ... times 2^63. */
    static const uint64_t roots[32] = {
        UINT64_C(13043817825332782212), UINT64_C(10968499650544839023),
        UINT64_C(10058158527438640871), UINT64_C(9631725603661576981),
        UINT64_C(9425337585438007767),  UINT64_C(9323807973325342579),
        UINT64_C(9273454034941487980),  UINT64_C(9248379135337035441),
        UINT64_C(9235867122425417553),  UINT64_C(9229617465154500136),
        UINT64_C(9226494222562136017),  UINT64_C(9224932997620185949),
        UINT64_C(9224152484218207415),  UINT64_C(9223762252282022473),
        UINT64_C(9223567142504825508),  UINT64_C(9223469589163912706),
        UINT64_C(9223420812880372951),  UINT64_C(9223396424835331638),
        UINT64_C(9223384230836993049),  UINT64_C(9223378133843869261),
        UINT64_C(9223375085348818743),  UINT64_C(9223373561101671328),
        UINT64_C(9223372798978192081),  UINT64_C(9223372417916476073),
        UINT64_C(9223372227385623972),  UINT64_C(9223372132120199398),
        UINT64_C(9223372084487487480),  UINT64_C(9223372060671131613),
        UINT64_C(9223372048762953703),  UINT64_C(9223372042808864754),
        UINT64_C(9223372039831820280),  UINT64_C(9223372038343298044)};
    int64_t whole = x >> 32;
    uint64_t rest = (uint64_t)x & 0xffffffffu;
    uint64_t power = UINT64_C(1) << 63; /* times 2^63 */
    int64_t shift = 31 - whole;

    for (uint32_t i = 0; i < 32; i += 1)
        if ((rest >> (31 - i)) & 1)
            power = (uint64_t)((unsigned __int128)power * roots[i] >> 63);
    return shift > 63 ? 0 : power >> shift;
}

int64_t dr_chance_log2(uint64_t x)
{
    int64_t log = ((int64_t)dr_bit_highest(x) - 32) * ONE;
    uint64_t part = x << (63 - dr_bit_highest(x)); /* 1 to 2, times 2^63 */

    for (int64_t bit = ONE / 2; bit > 0; bit /= 2) {
        unsigned __int128 square = (unsigned __int128)part * part;

        if (square >> 127) {
            log += bit;
            part = (uint64_t)(square >> 64);
        } else {
            part = (uint64_t)(square >> 63);
        }
    }
    return log;
}

int64_t dr_chance_exponential(struct dr_chance *chance, int64_t mean)
{
    /* -ln u, u from 2^-64 to 1. */
    uint64_t bits = dr_chance_bits(chance);
    int64_t log2 = dr_chance_log2(bits == 0 ? 1 : bits) - 32 * ONE;

    return dr_mul_div_floor(mean, dr_mul_div_floor(-log2, LN2, ONE), ONE);
}

int64_t dr_chance_lognormal(struct dr_chance *chance, int64_t median, uint32_t sigma_milli)
{
    int64_t normal = -6 * ONE; /* of variance one */
    int64_t exponent;

    for (int i = 0; i < 12; i += 1)
        normal += (int64_t)(dr_chance_bits(chance) >> 32);
    exponent = dr_mul_div_floor(dr_mul_div_floor(normal, sigma_milli, 1000), ONE, LN2);
    if (exponent > 30 * ONE)
        exponent = 30 * ONE;
    return dr_mul_div_floor(median, (int64_t)dr_chance_exp2(exponent), ONE);
}
