/* SPDX-License-Identifier: Apache-2.0 */
/* What people write is read as they mean it, and everything else is refused. */
#include "test.h"

#include <stdlib.h>
#include <time.h>

#include "base/text.h"

TEST(names)
{
    char longest[66];

    memset(longest, 'a', sizeof longest);
    longest[63] = '\0';
    CHECK(dr_name_valid("a"));
    CHECK(dr_name_valid("0-9"));
    CHECK(dr_name_valid("gpu-007"));
    CHECK(dr_name_valid(longest));
    longest[63] = 'a';
    longest[64] = '\0';
    CHECK(!dr_name_valid(longest));
    CHECK(!dr_name_valid(""));
    CHECK(!dr_name_valid("-a"));
    CHECK(!dr_name_valid("A"));
    CHECK(!dr_name_valid("a.b"));
    CHECK(!dr_name_valid("a/b"));
    CHECK(!dr_name_valid("a b"));
    CHECK(!dr_name_valid("\xea\xb0\x80"));
}

/* Equal names are equal bytes, whatever was there before. */
TEST(copied_names_are_padded_with_zeros)
{
    char a[DR_NAME_BYTES];
    char b[DR_NAME_BYTES];
    char longest[100];

    memset(a, 'x', sizeof a);
    memset(b, 'y', sizeof b);
    dr_copy_name(a, "gwangju");
    dr_copy_name(b, "gwangju");
    CHECK_BYTES(a, b, DR_NAME_BYTES);
    CHECK_TEXT(a, "gwangju");
    memset(longest, 'z', sizeof longest);
    longest[99] = '\0';
    dr_copy_name(a, longest);
    CHECK_EQ(strlen(a), DR_NAME_BYTES - 1);
    dr_copy_name(a, a); /* onto itself */
    CHECK_EQ(strlen(a), DR_NAME_BYTES - 1);
}

TEST(whole_numbers)
{
    static const struct {
        const char *text;
        int64_t min;
        int64_t max;
        int ok;
        int64_t value;
    } cases[] = {
        {"0", 0, 10, 1, 0},
        {"10", 0, 10, 1, 10},
        {"11", 0, 10, 0, 0},
        {"+7", 0, 10, 1, 7},
        {"-3", -3, 3, 1, -3},
        {"-4", -3, 3, 0, 0},
        {"007", 0, 10, 1, 7},
        {"9223372036854775807", INT64_MIN, INT64_MAX, 1, INT64_MAX},
        {"-9223372036854775808", INT64_MIN, INT64_MAX, 1, INT64_MIN},
        {"9223372036854775808", INT64_MIN, INT64_MAX, 0, 0},
        {"-9223372036854775809", INT64_MIN, INT64_MAX, 0, 0},
        {"99999999999999999999999", INT64_MIN, INT64_MAX, 0, 0},
        {"", 0, 10, 0, 0},
        {"-", -10, 10, 0, 0},
        {"+", 0, 10, 0, 0},
        {" 1", 0, 10, 0, 0},
        {"1 ", 0, 10, 0, 0},
        {"1.0", 0, 10, 0, 0},
        {"0x1", 0, 10, 0, 0},
        {"1e3", 0, 10000, 0, 0},
        {"--1", -10, 10, 0, 0},
    };

    for (size_t i = 0; i < DR_COUNT_OF(cases); i += 1) {
        int64_t value = 4711;

        if (dr_parse_i64(cases[i].text, cases[i].min, cases[i].max, &value) != cases[i].ok)
            fail_msg("'%s'", cases[i].text);
        CHECK_EQ(value, cases[i].ok ? cases[i].value : 4711);
    }
}

TEST(thousandths)
{
    static const struct {
        const char *text;
        int ok;
        int64_t milli;
    } cases[] = {
        {"2", 1, 2000},
        {"0.25", 1, 250},
        {"0.250", 1, 250},
        {"0.001", 1, 1},
        {"-0.5", 1, -500},
        {"1.5", 1, 1500},
        {"0.0001", 0, 0},
        {"0.2500", 0, 0},
        {".5", 0, 0},
        {"5.", 0, 0},
        {"", 0, 0},
        {"1,5", 0, 0},
        {"1.5x", 0, 0},
        {"1..5", 0, 0},
        {"-", 0, 0},
        {"9223372036854775", 1, 9223372036854775000},
        {"9223372036854776", 0, 0},
    };

    for (size_t i = 0; i < DR_COUNT_OF(cases); i += 1) {
        int64_t milli = 4711;

        if (dr_parse_milli(cases[i].text, INT64_MIN, INT64_MAX, &milli) != cases[i].ok)
            fail_msg("'%s'", cases[i].text);
        CHECK_EQ(milli, cases[i].ok ? cases[i].milli : 4711);
    }
    int64_t milli = 0;
    CHECK(!dr_parse_milli("2", 0, 1999, &milli));
    CHECK(dr_parse_milli("2", 0, 2000, &milli));
}

TEST(durations)
{
    static const struct {
        const char *text;
        int64_t us; /* -1: refused */
    } cases[] = {
        {"90", 90 * DR_SECOND_US},
        {"0", 0},
        {"90s", 90 * DR_SECOND_US},
        {"15m", 15 * DR_MINUTE_US},
        {"2h", 2 * DR_HOUR_US},
        {"7d", 7 * DR_DAY_US},
        {"1h30m", 90 * DR_MINUTE_US},
        {"1d2h3m4s", DR_DAY_US + 2 * DR_HOUR_US + 3 * DR_MINUTE_US + 4 * DR_SECOND_US},
        {"0.5s", 500000},
        {"0.5", 500000},
        {"1m0.25s", DR_MINUTE_US + 250000},
        {"0.000001s", 1},
        {"01:30", 90 * DR_SECOND_US},
        {"90:00", 90 * DR_MINUTE_US},
        {"02:00:00", 2 * DR_HOUR_US},
        {"100:00:00", 100 * DR_HOUR_US},
        {"1-0", DR_DAY_US},
        {"1-12", DR_DAY_US + 12 * DR_HOUR_US},
        {"1-12:30", DR_DAY_US + 12 * DR_HOUR_US + 30 * DR_MINUTE_US},
        {"1-02:03:04", DR_DAY_US + 2 * DR_HOUR_US + 3 * DR_MINUTE_US + 4 * DR_SECOND_US},
        {"", -1},
        {"h", -1},
        {"1x", -1},
        {"-1", -1},
        {"-5m", -1},
        {"1m1h", -1},
        {"1h1h", -1},
        {"1h30", -1},
        {"0.5h", -1},
        {"1.5m", -1},
        {"1 h", -1},
        {" 1h", -1},
        {"1h ", -1},
        {"1:2:3:4", -1},
        {"00:60", -1},
        {"01:60:00", -1},
        {"1-24", -1},
        {"1-", -1},
        {"-12", -1},
        {":30", -1},
        {"30:", -1},
        {"1-2-3", -1},
        {"0.0000001s", -1},
        {"9223372036854775807d", -1},
        {"106751992d", -1}, /* one day more than an int64_t of microseconds holds */
        {"106751991d", INT64_C(106751991) * DR_DAY_US},
        {"99999999999999999999s", -1},
    };

    for (size_t i = 0; i < DR_COUNT_OF(cases); i += 1) {
        int64_t us = -1;
        int ok = dr_parse_duration_us(cases[i].text, &us);

        if (ok != (cases[i].us >= 0) || us != cases[i].us)
            fail_msg("'%s' gave %d, %" PRId64, cases[i].text, ok, us);
    }
}

TEST(memory)
{
    static const struct {
        const char *text;
        int64_t mb; /* -1: refused */
    } cases[] = {
        {"512", 512},    {"512M", 512},
        {"512m", 512},   {"512MB", 512},
        {"512MiB", 512}, {"4G", 4096},
        {"4 GB", 4096},  {"1T", 1048576},
        {"1.5G", 1536},  {"2048K", 2},
        {"2049K", 3},    {"1K", 1},
        {"0", 0},        {"0.5", 1},
        {"", -1},        {"G", -1},
        {"-1", -1},      {"4P", -1},
        {"4 ", -1},      {"4GG", -1},
        {"4  G", -1},    {"4G ", -1},
        {"1.2345G", -1}, {"9999999999999999999G", -1},
        {"0.001K", 1},   {"9223372036854775807", -1},
    };

    for (size_t i = 0; i < DR_COUNT_OF(cases); i += 1) {
        int64_t mb = -1;
        int ok = dr_parse_memory_mb(cases[i].text, &mb);

        if (ok != (cases[i].mb >= 0) || mb != cases[i].mb)
            fail_msg("'%s' gave %d, %" PRId64, cases[i].text, ok, mb);
    }
}

TEST(instants)
{
    static const int64_t base_us = INT64_C(1795426200) * DR_SECOND_US; /* 2026-11-23T09:30:00Z */
    static const struct {
        const char *text;
        int64_t us; /* -1: refused */
    } cases[] = {
        {"2026-11-23T09:30:00Z", base_us},
        {"2026-11-23t09:30:00z", base_us},
        {"2026-11-23 09:30:00Z", base_us},
        {"2026-11-23T09:30Z", base_us},
        {"2026-11-23T18:30:00+09:00", base_us},
        {"2026-11-22T23:30:00-10:00", base_us},
        {"2026-11-23T09:30:00.5Z", base_us + 500000},
        {"1970-01-01T00:00:00Z", 0},
        {"2028-02-29T00:00:00Z", INT64_C(1835395200) * DR_SECOND_US},
        {"now", 1000},
        {"now+1h", 1000 + DR_HOUR_US},
        {"now+90", 1000 + 90 * DR_SECOND_US},
        {"now+2hours", 1000 + 2 * DR_HOUR_US},
        {"now+1day", 1000 + DR_DAY_US},
        {"now+3weeks", 1000 + 21 * DR_DAY_US},
        {"now+1minute", 1000 + DR_MINUTE_US},
        {"2026-02-29T00:00:00Z", -1},
        {"2100-02-29T00:00:00Z", -1},
        {"2026-13-01T00:00:00Z", -1},
        {"2026-00-01T00:00:00Z", -1},
        {"2026-04-31T00:00:00Z", -1},
        {"2026-11-23T24:00:00Z", -1},
        {"2026-11-23T23:59:60Z", -1},
        {"2026-11-23T9:30:00Z", -1},
        {"2026-11-23T09:30:00+0900", -1},
        {"2026-11-23T09:30:00Zx", -1},
        {"2026-11-23Z", -1},
        {"1969-12-31T23:59:59Z", -1},
        {"26-11-23", -1},
        {"", -1},
        {"now+", -1},
        {"now-1h", -1},
        {"now+1fortnight", -1},
        {"now+9223372036854775807", -1},
        {"tomorrowish", -1},
    };

    for (size_t i = 0; i < DR_COUNT_OF(cases); i += 1) {
        int64_t us = -1;
        int ok = dr_parse_instant_us(cases[i].text, 1000, &us);

        if (ok != (cases[i].us >= 0) || us != cases[i].us)
            fail_msg("'%s' gave %d, %" PRId64, cases[i].text, ok, us);
    }
}

/* Without a zone the machine's is meant, summer time included. */
TEST(local_instants)
{
    int64_t us = 0;

    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    CHECK(dr_parse_instant_us("2026-01-15T12:00", 0, &us));
    CHECK_EQ(us, INT64_C(1768474800) * DR_SECOND_US);
    CHECK(dr_parse_instant_us("2026-07-15T12:00:00", 0, &us));
    CHECK_EQ(us, INT64_C(1784109600) * DR_SECOND_US);
    CHECK(dr_parse_instant_us("2026-01-15", 0, &us));
    CHECK_EQ(us, INT64_C(1768431600) * DR_SECOND_US);
    setenv("TZ", "UTC", 1);
    tzset();
}

TEST(what_is_written)
{
    char text[DR_TEXT_BYTES];

    CHECK_TEXT(dr_format_duration(0, text), "0s");
    CHECK_TEXT(dr_format_duration(800000, text), "0.8s");
    CHECK_TEXT(dr_format_duration(12345, text), "0.012s");
    CHECK_TEXT(dr_format_duration(-1, text), "0s");
    CHECK_TEXT(dr_format_duration(9990000, text), "9.9s");
    CHECK_TEXT(dr_format_duration(45 * DR_SECOND_US, text), "45s");
    CHECK_TEXT(dr_format_duration(200 * DR_SECOND_US, text), "3m20s");
    CHECK_TEXT(dr_format_duration(185 * DR_SECOND_US, text), "3m05s");
    CHECK_TEXT(dr_format_duration(180 * DR_SECOND_US, text), "3m");
    CHECK_TEXT(dr_format_duration(125 * DR_MINUTE_US, text), "2h05m");
    CHECK_TEXT(dr_format_duration(2 * DR_HOUR_US, text), "2h");
    CHECK_TEXT(dr_format_duration(-125 * DR_MINUTE_US, text), "-2h05m");
    CHECK_TEXT(dr_format_duration(12 * DR_DAY_US + 4 * DR_HOUR_US, text), "12d4h");
    CHECK_TEXT(dr_format_duration(12 * DR_DAY_US, text), "12d");
    CHECK_TEXT(dr_format_duration(INT64_MIN, text), "-106751991d4h");

    CHECK_TEXT(dr_format_instant(INT64_C(1795426200) * DR_SECOND_US + 999999, text),
               "2026-11-23T09:30:00Z");
    CHECK_TEXT(dr_format_instant(-1, text), "1969-12-31T23:59:59Z");

    CHECK_TEXT(dr_format_milli(2000, text), "2");
    CHECK_TEXT(dr_format_milli(250, text), "0.25");
    CHECK_TEXT(dr_format_milli(1, text), "0.001");
    CHECK_TEXT(dr_format_milli(-1500, text), "-1.5");
    CHECK_TEXT(dr_format_milli(0, text), "0");
    CHECK_TEXT(dr_format_milli(100000, text), "100");
    CHECK_TEXT(dr_format_milli(INT64_MIN, text), "-9223372036854775.808");

    CHECK_TEXT(dr_format_memory(512, text), "512 MB");
    CHECK_TEXT(dr_format_memory(4096, text), "4 GB");
    CHECK_TEXT(dr_format_memory(1536, text), "1.5 GB");
    CHECK_TEXT(dr_format_memory(1048576, text), "1 TB");
    CHECK_TEXT(dr_format_memory(0, text), "0 MB");

    CHECK_TEXT(dr_format_energy(504, text), "0.14 Wh");
    CHECK_TEXT(dr_format_energy(0, text), "0 Wh");
    CHECK_TEXT(dr_format_energy(830 * 3600, text), "830 Wh");
    CHECK_TEXT(dr_format_energy(12400 * 3600, text), "12.4 kWh");
    CHECK_TEXT(dr_format_energy(INT64_C(3200000) * 3600, text), "3.2 MWh");

    CHECK_TEXT(dr_format_money(0, text), "0.00");
    CHECK_TEXT(dr_format_money(12340000, text), "12.34");
    CHECK_TEXT(dr_format_money(INT64_C(1204500000), text), "1,204.50");
    CHECK_TEXT(dr_format_money(INT64_C(1234567890000), text), "1,234,567.89");
    CHECK_TEXT(dr_format_money(999995000, text), "1,000.00");
    CHECK_TEXT(dr_format_money(-12340000, text), "-12.34");
    CHECK_TEXT(dr_format_money(3400, text), "0.0034");
    CHECK_TEXT(dr_format_money(50000, text), "0.05");
    CHECK_TEXT(dr_format_money(INT64_MAX, text), "9,223,372,036,854.78");
}

/* What format writes of a whole number of thousandths, parse reads back. */
TEST(thousandths_come_back)
{
    char text[DR_TEXT_BYTES];

    for (int64_t milli = -12345; milli < 12345; milli += 7) {
        int64_t back = INT64_MIN;

        CHECK(dr_parse_milli(dr_format_milli(milli, text), INT64_MIN, INT64_MAX, &back));
        CHECK_EQ(back, milli);
    }
}

TEST(instants_come_back)
{
    char text[DR_TEXT_BYTES];

    for (int64_t day = 0; day < 40000; day += 13) {
        int64_t us = day * DR_DAY_US + (day * 4001 % 86400) * DR_SECOND_US;
        int64_t back = -1;

        CHECK(dr_parse_instant_us(dr_format_instant(us, text), 0, &back));
        CHECK_EQ(back, us);
    }
}

TEST(hexadecimal)
{
    const uint8_t data[4] = {0x00, 0x7f, 0x80, 0xff};
    uint8_t back[4] = {1, 2, 3, 4};
    char text[9];

    dr_format_hex(data, sizeof data, text);
    CHECK_TEXT(text, "007f80ff");
    CHECK(dr_parse_hex(text, back, sizeof back));
    CHECK_BYTES(back, data, sizeof data);
    CHECK(dr_parse_hex("007F80FF", back, sizeof back));
    back[0] = 9;
    CHECK(!dr_parse_hex("007f80f", back, sizeof back));
    CHECK(!dr_parse_hex("007f80ff0", back, sizeof back));
    CHECK(!dr_parse_hex("007f80fg", back, sizeof back));
    CHECK(!dr_parse_hex("", back, sizeof back));
    CHECK_EQ(back[0], 9); /* untouched by what was refused */
}

TEST(clocks)
{
    int64_t before = dr_monotonic_us();

    CHECK(dr_clock_us() > INT64_C(1700000000) * DR_SECOND_US);
    CHECK(dr_monotonic_us() >= before);
}
