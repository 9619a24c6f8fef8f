/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <strings.h>

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int dr_name_valid(const char *name)
{
    size_t length = strnlen(name, DR_NAME_BYTES);

    if (length == 0 || length >= DR_NAME_BYTES || name[0] == '-')
        return 0;
    for (size_t i = 0; i < length; i += 1) {
        if (!is_digit(name[i]) && !(name[i] >= 'a' && name[i] <= 'z') && name[i] != '-')
            return 0;
    }
    return 1;
}

void dr_copy_name(char to[DR_NAME_BYTES], const char *from)
{
    size_t length = strnlen(from, DR_NAME_BYTES - 1);

    memmove(to, from, length);
    memset(to + length, 0, DR_NAME_BYTES - length);
}

/* ---- numbers ---- */

/* Digits from *at on, at least one; 0 when there is none or the number leaves an int64_t. */
static int take_number(const char **at, int64_t *value)
{
    const char *p = *at;
    int64_t sum = 0;

    if (!is_digit(*p))
        return 0;
    for (; is_digit(*p); p += 1) {
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, *p - '0', &sum))
            return 0;
    }
    *at = p;
    *value = sum;
    return 1;
}

/* ".25" with `places` decimals is 25 followed by zeros; nothing there is 0. More places, or a point
 * with nothing behind it: 0 is returned. */
static int take_fraction(const char **at, int places, int64_t *value)
{
    const char *p = *at;
    int64_t sum = 0;
    int taken = 0;

    *value = 0;
    if (*p != '.')
        return 1;
    for (p += 1; is_digit(*p); p += 1) {
        if (taken == places)
            return 0;
        sum = sum * 10 + (*p - '0');
        taken += 1;
    }
    if (taken == 0)
        return 0;
    for (; taken < places; taken += 1)
        sum *= 10;
    *at = p;
    *value = sum;
    return 1;
}

int dr_parse_i64(const char *text, int64_t min, int64_t max, int64_t *value)
{
    const char *p = text;
    int negative = *p == '-';
    int64_t sum = 0;

    if (*p == '-' || *p == '+')
        p += 1;
    if (!is_digit(*p))
        return 0;
    /* Summed below zero, since INT64_MIN has no positive twin. */
    for (; is_digit(*p); p += 1) {
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_sub_overflow(sum, *p - '0', &sum))
            return 0;
    }
    if (*p != '\0' || (!negative && sum == INT64_MIN))
        return 0;
    sum = negative ? sum : -sum;
    if (sum < min || sum > max)
        return 0;
    *value = sum;
    return 1;
}

int dr_parse_milli(const char *text, int64_t min, int64_t max, int64_t *milli)
{
    const char *p = text;
    int negative = *p == '-';
    int64_t whole;
    int64_t rest;
    int64_t sum;

    if (*p == '-' || *p == '+')
        p += 1;
    if (!take_number(&p, &whole) || !take_fraction(&p, 3, &rest) || *p != '\0' ||
        __builtin_mul_overflow(whole, 1000, &sum) || __builtin_add_overflow(sum, rest, &sum))
        return 0;
    sum = negative ? -sum : sum;
    if (sum < min || sum > max)
        return 0;
    *milli = sum;
    return 1;
}

/* ---- durations ---- */

static int add_product(int64_t *sum, int64_t count, int64_t unit)
{
    int64_t product;

    return !__builtin_mul_overflow(count, unit, &product) &&
           !__builtin_add_overflow(*sum, product, sum);
}

/* "MM:SS", "HH:MM:SS", "D-HH", "D-HH:MM", "D-HH:MM:SS". The first number may be any; those after it
 * stay within their unit. */
static int parse_clock(const char *text, int64_t *duration_us)
{
    const char *p = text;
    int64_t part[3];
    int64_t days = 0;
    int64_t sum = 0;
    int parts = 0;
    int with_days = strchr(text, '-') != NULL;

    if (with_days && (!take_number(&p, &days) || *p++ != '-'))
        return 0;
    for (;;) {
        if (!take_number(&p, &part[parts]))
            return 0;
        parts += 1;
        if (*p != ':')
            break;
        if (parts == 3)
            return 0;
        p += 1;
    }
    if (*p != '\0' || (!with_days && parts == 1))
        return 0;
    for (int i = 0; i < parts; i += 1) {
        /* With days the first part is hours; without, the last one is seconds. */
        int unit = with_days ? i : i + 3 - parts; /* 0 hours, 1 minutes, 2 seconds */
        int64_t most = i == 0 && !with_days ? INT64_MAX : (unit == 0 ? 23 : 59);

        if (part[i] > most ||
            !add_product(&sum, part[i],
                         unit == 0 ? DR_HOUR_US : (unit == 1 ? DR_MINUTE_US : DR_SECOND_US)))
            return 0;
    }
    if (!add_product(&sum, days, DR_DAY_US))
        return 0;
    *duration_us = sum;
    return 1;
}

int dr_parse_duration_us(const char *text, int64_t *duration_us)
{
    static const struct {
        char letter;
        int64_t us;
    } units[] = {{'d', DR_DAY_US}, {'h', DR_HOUR_US}, {'m', DR_MINUTE_US}, {'s', DR_SECOND_US}};
    const char *p = text;
    size_t next = 0; /* units have to come in this order, each once */
    int64_t sum = 0;

    if (strpbrk(text, ":-") != NULL)
        return parse_clock(text, duration_us);
    do {
        int64_t count;
        int64_t fraction_us;
        int has_fraction;

        if (!take_number(&p, &count))
            return 0;
        has_fraction = *p == '.';
        if (!take_fraction(&p, 6, &fraction_us))
            return 0;
        if (*p == '\0') {
            if (next > 0) /* "1h30": of what? */
                return 0;
            next = DR_COUNT_OF(units);
        } else {
            while (next < DR_COUNT_OF(units) && units[next].letter != *p)
                next += 1;
            if (next == DR_COUNT_OF(units))
                return 0;
            next += 1;
            p += 1;
        }
        if (has_fraction && next != DR_COUNT_OF(units))
            return 0;
        if (!add_product(&sum, count, units[next - 1].us) || !add_product(&sum, fraction_us, 1))
            return 0;
    } while (*p != '\0');
    *duration_us = sum;
    return 1;
}

int dr_parse_memory_mb(const char *text, int64_t *memory_mb)
{
    static const char letters[] = "kmgt";
    const char *p = text;
    int64_t whole;
    int64_t milli;
    int64_t kb_per_unit = 1024; /* MB where no unit is given */
    int64_t thousandths;

    if (!take_number(&p, &whole) || !take_fraction(&p, 3, &milli))
        return 0;
    if (*p == ' ')
        p += 1;
    if (*p != '\0') {
        const char *letter = strchr(letters, tolower((unsigned char)*p));

        if (letter == NULL)
            return 0;
        kb_per_unit = INT64_C(1) << (10 * (letter - letters));
        p += 1;
        if (*p != '\0' && strcasecmp(p, "b") != 0 && strcasecmp(p, "ib") != 0)
            return 0;
    } else if (p > text && p[-1] == ' ') {
        return 0;
    }
    /* In thousandths of a KB, then up to whole MB. */
    if (__builtin_mul_overflow(whole, 1000, &thousandths) ||
        __builtin_add_overflow(thousandths, milli, &thousandths) ||
        __builtin_mul_overflow(thousandths, kb_per_unit, &thousandths) ||
        __builtin_add_overflow(thousandths, 1024 * 1000 - 1, &thousandths))
        return 0;
    *memory_mb = thousandths / (1024 * 1000);
    return 1;
}

/* ---- instants ---- */

/* Exactly `digits` digits, from `min` to `max`. */
static int take_digits(const char **at, int digits, int min, int max, int *value)
{
    int sum = 0;

    for (int i = 0; i < digits; i += 1) {
        if (!is_digit((*at)[i]))
            return 0;
        sum = sum * 10 + ((*at)[i] - '0');
    }
    *at += digits;
    *value = sum;
    return sum >= min && sum <= max;
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* "HH:MM" or "HH:MM:SS" with a fraction. */
static int take_clock(const char **at, struct tm *when, int64_t *fraction_us)
{
    *fraction_us = 0;
    if (!take_digits(at, 2, 0, 23, &when->tm_hour) || *(*at)++ != ':' ||
        !take_digits(at, 2, 0, 59, &when->tm_min))
        return 0;
    if (**at != ':')
        return 1;
    *at += 1;
    return take_digits(at, 2, 0, 59, &when->tm_sec) && take_fraction(at, 6, fraction_us);
}

/* "now", "now+90", "now+1h30m", and Slurm's "now+2hours". */
static int parse_from_now(const char *text, int64_t now_us, int64_t *instant_us)
{
    static const struct {
        const char *word;
        int64_t us;
    } words[] = {{"second", DR_SECOND_US},
                 {"minute", DR_MINUTE_US},
                 {"hour", DR_HOUR_US},
                 {"day", DR_DAY_US},
                 {"week", 7 * DR_DAY_US}};
    const char *p = text;
    int64_t count;
    int64_t later;

    if (*p == '\0') {
        *instant_us = now_us;
        return 1;
    }
    if (*p != '+')
        return 0;
    p += 1;
    if (dr_parse_duration_us(p, &later))
        return !__builtin_add_overflow(now_us, later, instant_us);
    if (!take_number(&p, &count))
        return 0;
    for (size_t i = 0; i < DR_COUNT_OF(words); i += 1) {
        size_t length = strlen(words[i].word);

        if (strncmp(p, words[i].word, length) == 0 &&
            (p[length] == '\0' || (p[length] == 's' && p[length + 1] == '\0')))
            return !__builtin_mul_overflow(count, words[i].us, &later) &&
                   !__builtin_add_overflow(now_us, later, instant_us);
    }
    return 0;
}

int dr_parse_instant_us(const char *text, int64_t now_us, int64_t *instant_us)
{
    struct tm when = {.tm_isdst = -1};
    const char *p = text;
    int64_t fraction_us = 0;
    int64_t seconds;
    int year;
    int month;
    int has_time = 0;

    if (strncmp(text, "now", 3) == 0)
        return parse_from_now(text + 3, now_us, instant_us);
    if (!take_digits(&p, 4, 1970, 9999, &year) || *p++ != '-' ||
        !take_digits(&p, 2, 1, 12, &month) || *p++ != '-' ||
        !take_digits(&p, 2, 1, days_of_month(year, month), &when.tm_mday))
        return 0;
    when.tm_year = year - 1900;
    when.tm_mon = month - 1;
    if (*p == 'T' || *p == 't' || *p == ' ') {
        p += 1;
        has_time = 1;
        if (!take_clock(&p, &when, &fraction_us))
            return 0;
    }
    if (*p == '\0') {
        time_t local = mktime(&when);

        if (local < 0)
            return 0;
        seconds = local;
    } else {
        int offset_min = 0;

        if (!has_time)
            return 0;
        if (*p == 'Z' || *p == 'z') {
            p += 1;
        } else {
            int sign = *p == '-' ? -1 : 1;
            int hours;
            int minutes;

            if ((*p != '+' && *p != '-') || (p += 1, !take_digits(&p, 2, 0, 23, &hours)) ||
                *p++ != ':' || !take_digits(&p, 2, 0, 59, &minutes))
                return 0;
            offset_min = sign * (hours * 60 + minutes);
        }
        if (*p != '\0')
            return 0;
        seconds = timegm(&when) - offset_min * INT64_C(60);
    }
    *instant_us = seconds * DR_SECOND_US + fraction_us;
    return 1;
}

/* ---- formatting ---- */

static uint64_t magnitude(int64_t value)
{
    return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

/* "12.50" to "12.5", "3.000" to "3"; a number without a point stays. */
static void drop_zeros(char *text)
{
    size_t length = strlen(text);

    if (strchr(text, '.') == NULL)
        return;
    while (text[length - 1] == '0')
        length -= 1;
    if (text[length - 1] == '.')
        length -= 1;
    text[length] = '\0';
}

const char *dr_format_duration(int64_t duration_us, char text[DR_TEXT_BYTES])
{
    const char *sign = duration_us < 0 ? "-" : "";
    uint64_t us = magnitude(duration_us);
    unsigned long long seconds = us / (uint64_t)DR_SECOND_US;

    if (seconds < 10) {
        char number[32];

        /* Milliseconds below a second, tenths above it: never more than anyone asked for. */
        if (seconds == 0)
            snprintf(number, sizeof number, "0.%03llu", (unsigned long long)(us / 1000));
        else
            snprintf(number, sizeof number, "%llu.%llu", seconds,
                     (unsigned long long)(us % (uint64_t)DR_SECOND_US / 100000));
        drop_zeros(number);
        snprintf(text, DR_TEXT_BYTES, "%s%ss", strcmp(number, "0") == 0 ? "" : sign, number);
    } else if (seconds < 60) {
        snprintf(text, DR_TEXT_BYTES, "%s%llus", sign, seconds);
    } else if (seconds < 3600) {
        if (seconds % 60 == 0)
            snprintf(text, DR_TEXT_BYTES, "%s%llum", sign, seconds / 60);
        else
            snprintf(text, DR_TEXT_BYTES, "%s%llum%02llus", sign, seconds / 60, seconds % 60);
    } else if (seconds < 86400) {
        if (seconds % 3600 / 60 == 0)
            snprintf(text, DR_TEXT_BYTES, "%s%lluh", sign, seconds / 3600);
        else
            snprintf(text, DR_TEXT_BYTES, "%s%lluh%02llum", sign, seconds / 3600,
                     seconds % 3600 / 60);
    } else {
        if (seconds % 86400 / 3600 == 0)
            snprintf(text, DR_TEXT_BYTES, "%s%llud", sign, seconds / 86400);
        else
            snprintf(text, DR_TEXT_BYTES, "%s%llud%lluh", sign, seconds / 86400,
                     seconds % 86400 / 3600);
    }
    return text;
}

const char *dr_format_instant(int64_t instant_us, char text[DR_TEXT_BYTES])
{
    int64_t floor_s = instant_us / DR_SECOND_US - (instant_us % DR_SECOND_US < 0 ? 1 : 0);
    time_t seconds = (time_t)floor_s;
    struct tm when;

    gmtime_r(&seconds, &when);
    snprintf(text, DR_TEXT_BYTES, "%04d-%02d-%02dT%02d:%02d:%02dZ", when.tm_year + 1900,
             when.tm_mon + 1, when.tm_mday, when.tm_hour, when.tm_min, when.tm_sec);
    return text;
}

const char *dr_format_milli(int64_t milli, char text[DR_TEXT_BYTES])
{
    unsigned long long amount = magnitude(milli);

    snprintf(text, DR_TEXT_BYTES, "%s%llu.%03llu", milli < 0 ? "-" : "", amount / 1000,
             amount % 1000);
    drop_zeros(text);
    return text;
}

/* `amount` of a unit that the next one has `step` of; with a decimal where that says something. */
static void format_scaled(char *text, int negative, uint64_t amount, const char *const *units,
                          size_t units_count, uint64_t step)
{
    uint64_t scale = 1;
    uint64_t whole;
    uint64_t tenths;
    size_t unit = 0;

    while (unit + 1 < units_count && amount / scale >= step) {
        scale *= step;
        unit += 1;
    }
    whole = amount / scale;
    tenths = (uint64_t)((unsigned __int128)(amount % scale) * 10 / scale);
    if (tenths > 0)
        snprintf(text, DR_TEXT_BYTES, "%s%" PRIu64 ".%" PRIu64 " %s", negative ? "-" : "", whole,
                 tenths, units[unit]);
    else
        snprintf(text, DR_TEXT_BYTES, "%s%" PRIu64 " %s", negative ? "-" : "", whole, units[unit]);
}

const char *dr_format_memory(int64_t memory_mb, char text[DR_TEXT_BYTES])
{
    static const char *const units[] = {"MB", "GB", "TB", "PB"};

    format_scaled(text, memory_mb < 0, magnitude(memory_mb), units, DR_COUNT_OF(units), 1024);
    return text;
}

const char *dr_format_energy(int64_t energy_j, char text[DR_TEXT_BYTES])
{
    static const char *const units[] = {"Wh", "kWh", "MWh", "GWh", "TWh"};
    uint64_t joules = magnitude(energy_j);

    if (joules < 36000) { /* below 10 Wh hundredths still say something */
        char number[32];

        snprintf(number, sizeof number, "%llu.%02llu", (unsigned long long)(joules / 3600),
                 (unsigned long long)(joules % 3600 / 36));
        drop_zeros(number);
        snprintf(text, DR_TEXT_BYTES, "%s%s Wh",
                 energy_j < 0 && strcmp(number, "0") != 0 ? "-" : "", number);
    } else {
        format_scaled(text, energy_j < 0, joules / 3600, units, DR_COUNT_OF(units), 1000);
    }
    return text;
}

const char *dr_format_money(int64_t money_micro, char text[DR_TEXT_BYTES])
{
    uint64_t micro = magnitude(money_micro);
    unsigned long long hundredths;
    unsigned long long whole;
    char digits[24];
    size_t length;
    size_t at = 0;

    if (micro < 100000 && micro % 10000 != 0) { /* below a tenth, hundredths would hide it */
        snprintf(text, DR_TEXT_BYTES, "%s0.%04llu", money_micro < 0 ? "-" : "",
                 (unsigned long long)(micro / 100));
        return text;
    }
    hundredths = micro / 10000;
    if (micro % 10000 >= 5000)
        hundredths += 1;
    whole = hundredths / 100;
    length = (size_t)snprintf(digits, sizeof digits, "%llu", whole);
    if (money_micro < 0)
        text[at++] = '-';
    for (size_t i = 0; i < length; i += 1) {
        if (i > 0 && (length - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = digits[i];
    }
    snprintf(text + at, DR_TEXT_BYTES - at, ".%02llu", hundredths % 100);
    return text;
}

void dr_format_hex(const uint8_t *data, size_t bytes, char *text)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < bytes; i += 1) {
        text[2 * i] = digits[data[i] >> 4];
        text[2 * i + 1] = digits[data[i] & 15];
    }
    text[2 * bytes] = '\0';
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int dr_parse_hex(const char *text, uint8_t *data, size_t bytes)
{
    if (strnlen(text, 2 * bytes + 1) != 2 * bytes)
        return 0;
    for (size_t i = 0; i < 2 * bytes; i += 1) {
        if (hex_value(text[i]) < 0)
            return 0;
    }
    for (size_t i = 0; i < bytes; i += 1)
        data[i] = (uint8_t)(hex_value(text[2 * i]) * 16 + hex_value(text[2 * i + 1]));
    return 1;
}

/* ---- clocks ---- */

static int64_t read_clock(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return now.tv_sec * DR_SECOND_US + now.tv_nsec / 1000;
}

int64_t dr_clock_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t dr_monotonic_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}
