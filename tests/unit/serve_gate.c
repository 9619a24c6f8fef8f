/* SPDX-License-Identifier: Apache-2.0 */
/* The gate alone: raw bytes in, what passes and what is refused out, on a virtual clock. */
#include "test.h"

#include "base/buffer.h"
#include "base/text.h"
#include "serve/gate.h"

#define BODY_MAX 1000

static struct dr_edge_limits limits = {.body_bytes = BODY_MAX, .large_body_bytes = 2 * BODY_MAX};

static int large(const char *method, const char *path, size_t path_bytes)
{
    return path_bytes == 4 && memcmp(path, "/big", 4) == 0 && strcmp(method, "POST") == 0;
}

static void begin(struct dr_gate *gate, int64_t now_us)
{
    dr_edge_limits_fill(&limits);
    dr_gate_init(gate, &limits, large, now_us);
}

struct outcome {
    size_t passed;   /* bytes */
    uint32_t status; /* 0: not refused */
    const char *field;
    uint32_t requests;
    enum dr_gate_state state;
};

/* With the limits of the program, and with others. */
static const struct dr_edge_limits SMALL = {.header_bytes = 1024,
                                            .headers = 8,
                                            .target_bytes = 256,
                                            .connection_requests = 3,
                                            .header_s = 2,
                                            .request_s = 7,
                                            .idle_s = 9};

static void limit(uint32_t small)
{
    limits = small ? SMALL : (struct dr_edge_limits){0};
    limits.body_bytes = BODY_MAX;
    limits.large_body_bytes = 2 * BODY_MAX;
    dr_edge_limits_fill(&limits);
}

/* Show `bytes` in pieces of `step`, keeping what does not pass, as the door does. */
static struct outcome feed(const char *bytes, size_t count, size_t step)
{
    struct dr_gate gate;
    struct outcome outcome = {0};
    size_t shown = 0;

    begin(&gate, 0);
    while (shown < count) {
        size_t taken;

        shown = count - shown < step ? count : shown + step;
        while ((taken = dr_gate_pass(&gate, (const uint8_t *)bytes + outcome.passed,
                                     shown - outcome.passed, 1)) > 0)
            outcome.passed += taken;
    }
    outcome.status = gate.state == DR_GATE_REFUSED ? gate.status : 0;
    outcome.field = gate.state == DR_GATE_REFUSED ? gate.field : "";
    outcome.requests = gate.requests;
    outcome.state = gate.state;
    return outcome;
}

#define H             "Host: localhost\r\n"
#define GET           "GET /v1/jobs HTTP/1.1\r\n" H
#define POST          "POST /v1/jobs HTTP/1.1\r\n" H
#define TEXT(literal) literal, sizeof(literal) - 1
#define TARGET(t)     TEXT("GET " t " HTTP/1.1\r\n" H "\r\n")
#define WITH(header)  TEXT(GET header "\r\n\r\n")
#define LENGTH(l)     TEXT(POST "Content-Length:" l "\r\n\r\n{}")

static const struct {
    const char *what;
    const char *bytes;
    size_t count;
    uint32_t status; /* 0: passes whole */
    const char *field;
} CASES[] = {
    {"plain", TARGET("/v1/jobs"), 0, ""},
    {"query", TARGET("/v1/jobs?state=PENDING,RUNNING&limit=5"), 0, ""},
    {"query with escapes", TARGET("/v1/jobs?name=a%20b%2Cc"), 0, ""},
    {"query with UTF-8 escapes", TARGET("/v1/jobs?name=%EB%8C%80"), 0, ""},
    {"body", LENGTH(" 2"), 0, ""},
    {"empty body", TEXT(POST "Content-Length: 0\r\n\r\n"), 0, ""},
    {"no length, no body", TEXT(POST "\r\n"), 0, ""},
    {"delete", TEXT("DELETE /v1/jobs/71 HTTP/1.1\r\n" H "\r\n"), 0, ""},
    {"delete with body", TEXT("DELETE /v1/x HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n{}"), 0, ""},
    {"root", TARGET("/"), 0, ""},
    {"tabs around a value", WITH("Accept:\t*/*\t"), 0, ""},
    {"empty value", WITH("Accept:"), 0, ""},
    {"expect", TEXT(POST "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n{}"), 0, ""},
    {"host with port", TEXT("GET / HTTP/1.1\r\nHost: 127.0.0.1:8787\r\n\r\n"), 0, ""},
    {"host of IPv6", TEXT("GET / HTTP/1.1\r\nHost: [::1]:8787\r\n\r\n"), 0, ""},
    {"two of a kind that decides nothing", WITH("Accept: a\r\nAccept: b"), 0, ""},
    {"a dot in a name", TARGET("/v1/a.b"), 0, ""},
    {"dots that are no step", TARGET("/v1/a..b"), 0, ""},

    {"length and chunked", TEXT(POST "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}"),
     501, "Transfer-Encoding"},
    {"chunked", TEXT(POST "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), 501,
     "Transfer-Encoding"},
    {"xchunked", WITH("Transfer-Encoding: xchunked"), 501, "Transfer-Encoding"},
    {"identity", WITH("transfer-encoding: identity"), 501, "Transfer-Encoding"},
    {"a space before the colon", WITH("Transfer-Encoding : chunked"), 400, "header"},
    {"two lengths", LENGTH(" 2\r\nContent-Length: 3"), 400, "Content-Length"},
    {"two equal lengths", LENGTH(" 2\r\nContent-Length: 2"), 400, "Content-Length"},
    {"length with plus", LENGTH(" +5"), 400, "Content-Length"},
    {"length negative", LENGTH(" -1"), 400, "Content-Length"},
    {"length in a list", LENGTH(" 2, 2"), 400, "Content-Length"},
    {"length in hexadecimal", LENGTH(" 0x2"), 400, "Content-Length"},
    {"length empty", LENGTH(" "), 400, "Content-Length"},
    {"length with a zero ahead", LENGTH(" 02"), 400, "Content-Length"},
    {"length of 20 digits", LENGTH(" 18446744073709551618"), 413, "Content-Length"},
    {"length at the limit", TEXT("POST /a HTTP/1.1\r\n" H "Content-Length: 1000\r\n\r\n"), 0, ""},
    {"length above the limit", TEXT("POST /a HTTP/1.1\r\n" H "Content-Length: 1001\r\n\r\n"), 413,
     "Content-Length"},
    {"larger limit of a path", TEXT("POST /big?x=1 HTTP/1.1\r\n" H "Content-Length: 2000\r\n\r\n"),
     0, ""},
    {"above that", TEXT("POST /big HTTP/1.1\r\n" H "Content-Length: 2001\r\n\r\n"), 413,
     "Content-Length"},
    {"body of a GET", TEXT(GET "Content-Length: 2\r\n\r\n{}"), 400, "Content-Length"},
    {"no host", TEXT("GET / HTTP/1.1\r\n\r\n"), 400, "Host"},
    {"two hosts", WITH("Host: other"), 400, "Host"},
    {"empty host", TEXT("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 400, "Host"},
    {"host with a slash", TEXT("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400, "Host"},
    {"host with a user", TEXT("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"), 400, "Host"},
    {"two authorizations", WITH("Authorization: Bearer a\r\nauthorization: Bearer b"), 400,
     "Authorization"},
    {"two retry keys", WITH("Idempotency-Key: a\r\nIdempotency-Key: b"), 400, "Idempotency-Key"},
    {"another expectation", WITH("Expect: cake"), 417, "Expect"},
    {"upgrade", WITH("Upgrade: h2c"), 400, "Upgrade"},
    {"folded", WITH("Accept: a\r\n b"), 400, "header"},
    {"folded with a tab", WITH("Accept: a\r\n\tb"), 400, "header"},
    {"folded at once", TEXT("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), 400, "header"},
    {"NUL in a value", WITH("Accept: a\0b"), 400, "header"},
    {"NUL in the target", TARGET("/a\0b"), 400, "header"},
    {"escape character", WITH("Accept: \033[1m"), 400, "header"},
    {"delete character", WITH("Accept: \177"), 400, "header"},
    {"outside ASCII", WITH("Accept: \303\251"), 400, "header"},
    {"bare LF", TEXT("GET / HTTP/1.1\nHost: a\n\n"), 400, "header"},
    {"bare LF at the end", TEXT(GET "\n"), 400, "header"},
    {"bare CR", WITH("Accept: a\rb"), 400, "header"},
    {"two CR", WITH("Accept: a\r"), 400, "header"},
    {"empty line first", TEXT("\r\nGET / HTTP/1.1\r\n" H "\r\n"), 400, "request line"},
    {"no colon", WITH("Accept"), 400, "header"},
    {"no name", WITH(": a"), 400, "header"},
    {"name with parentheses", WITH("A(b): c"), 400, "header"},
    {"HTTP/1.0", TEXT("GET / HTTP/1.0\r\n" H "\r\n"), 505, "version"},
    {"HTTP/2.0", TEXT("GET / HTTP/2.0\r\n" H "\r\n"), 505, "version"},
    {"HTTP/0.9", TEXT("GET /\r\n\r\n"), 400, "request line"},
    {"preface of HTTP/2", TEXT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505, "version"},
    {"lower-case version", TEXT("GET / http/1.1\r\n" H "\r\n"), 400, "version"},
    {"two spaces", TEXT("GET  / HTTP/1.1\r\n" H "\r\n"), 400, "version"},
    {"a space at the end", TEXT("GET / HTTP/1.1 \r\n" H "\r\n"), 400, "version"},
    {"a tab between", TEXT("GET\t/ HTTP/1.1\r\n" H "\r\n"), 400, "method"},
    {"no method", TEXT(" / HTTP/1.1\r\n" H "\r\n"), 400, "request line"},
    {"unknown method", TEXT("BREW / HTTP/1.1\r\n" H "\r\n"), 0, ""}, /* 405 behind the gate */
    {"lower-case method", TEXT("get / HTTP/1.1\r\n" H "\r\n"), 0, ""},
    {"a method of 16 letters", TEXT("ABCDEFGHIJKLMNOP / HTTP/1.1\r\n" H "\r\n"), 0, ""},
    {"a method of 17", TEXT("ABCDEFGHIJKLMNOPQ / HTTP/1.1\r\n" H "\r\n"), 501, "method"},
    {"a large body by an unknown method",
     TEXT("PUT /big HTTP/1.1\r\n" H "Content-Length: 1001\r\n\r\n"), 413, "Content-Length"},
    {"CONNECT", TEXT("CONNECT a:1 HTTP/1.1\r\n" H "\r\n"), 400, "target"},
    {"bad method", TEXT("G@T / HTTP/1.1\r\n" H "\r\n"), 400, "method"},
    {"absolute target", TARGET("http://a/"), 400, "target"},
    {"target of a star", TARGET("*"), 400, "target"},
    {"two dots", TARGET("/v1/../x"), 400, "target"},
    {"two dots at the end", TARGET("/v1/.."), 400, "target"},
    {"two dots before a query", TARGET("/..?a=b"), 400, "target"},
    {"one dot", TARGET("/v1/./x"), 400, "target"},
    {"two slashes", TARGET("//etc"), 400, "target"},
    {"an escape in the path", TARGET("/v1/%2e%2e/x"), 400, "target"},
    {"an escaped NUL", TARGET("/?a=%00"), 400, "target"},
    {"an escaped CR LF", TARGET("/?a=%0d%0a"), 400, "target"},
    {"an escape cut short", TARGET("/?a=%2"), 400, "target"},
    {"an escape that is none", TARGET("/?a=%zz"), 400, "target"},
    {"a fragment", TARGET("/#x"), 400, "target"},
    {"a quotation mark", TARGET("/?a=\"b\""), 400, "target"},
    {"a backslash", TARGET("/v1\\x"), 400, "target"},
    {"TLS", TEXT("\026\003\001\002\000\001\000\001\374\003\003"), 400, "header"},
};

static void check_case(size_t i, size_t step)
{
    struct outcome outcome = feed(CASES[i].bytes, CASES[i].count, step);

    if (outcome.status != CASES[i].status || strcmp(outcome.field, CASES[i].field) != 0)
        fail_msg("'%s' in steps of %zu: %u %s, expected %u %s", CASES[i].what, step, outcome.status,
                 outcome.field, CASES[i].status, CASES[i].field);
    /* of a refused request nothing goes further */
    CHECK_EQ(outcome.passed, CASES[i].status == 0 ? CASES[i].count : 0);
}

TEST(each_case_in_one_piece)
{
    for (size_t i = 0; i < DR_COUNT_OF(CASES); i += 1)
        check_case(i, CASES[i].count);
}

TEST(each_case_split_at_every_byte)
{
    for (size_t i = 0; i < DR_COUNT_OF(CASES); i += 1) {
        for (size_t step = 1; step < CASES[i].count; step += 1)
            check_case(i, step);
    }
}

/* A well-formed request behind another is looked at as well, wherever the bytes are cut. */
TEST(pipelined_requests_pass_one_by_one)
{
    static const char bytes[] =
        POST "Content-Length: 5\r\n\r\nGET /" GET "\r\n" POST "Content-Length: 2\r\n\r\n{}";

    for (size_t step = 1; step < sizeof bytes; step += 1) {
        struct outcome outcome = feed(bytes, sizeof bytes - 1, step);

        CHECK_EQ(outcome.status, 0);
        CHECK_EQ(outcome.requests, 3);
        CHECK_EQ(outcome.passed, sizeof bytes - 1);
    }
}

/* A bad request behind a good one: the good one has passed, of the bad one nothing. */
TEST(a_bad_request_behind_a_good_one)
{
    static const char good[] = POST "Content-Length: 2\r\n\r\n{}";
    static const char bytes[] = POST "Content-Length: 2\r\n\r\n{}" POST
                                     "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0";

    for (size_t step = 1; step < sizeof bytes; step += 1) {
        struct outcome outcome = feed(bytes, sizeof bytes - 1, step);

        CHECK_EQ(outcome.status, 501);
        CHECK_EQ(outcome.requests, 1);
        CHECK_EQ(outcome.passed, sizeof good - 1);
    }
}

/* What looks like a header inside a body is a body. */
TEST(a_request_inside_a_body_is_body)
{
    static const char body[] = "GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n";
    struct dr_buffer bytes;
    struct outcome outcome;

    dr_buffer_init(&bytes, 4096);
    dr_buffer_printf(&bytes, "%sContent-Length: %zu\r\n\r\n%s%s\r\n", POST, sizeof body - 1, body,
                     GET);
    outcome = feed(dr_buffer_text(&bytes), bytes.length, 1000);
    CHECK_EQ(outcome.status, 0);
    CHECK_EQ(outcome.requests, 2);
    dr_buffer_deinit(&bytes);
}

static void check_status(struct dr_buffer *buffer, uint32_t status)
{
    struct outcome outcome = feed(dr_buffer_text(buffer), buffer->length, 1000);

    CHECK_EQ(outcome.status, status);
    CHECK_EQ(outcome.passed, status == 0 ? buffer->length : 0);
    dr_buffer_deinit(buffer);
}

TEST(header_bytes_at_the_limit_and_above)
{
    for (uint32_t i = 0; i < 4; i += 1) {
        uint32_t extra = i % 2;
        struct dr_buffer buffer;

        limit(i / 2);
        dr_buffer_init(&buffer, 1 << 20);
        dr_buffer_append_text(&buffer, GET "X: ");
        while (buffer.length < limits.header_bytes + extra - 4)
            dr_buffer_append_text(&buffer, "a");
        dr_buffer_append_text(&buffer, "\r\n\r\n");
        CHECK_EQ(buffer.length, limits.header_bytes + extra);
        check_status(&buffer, extra == 0 ? 0 : 431);
    }
}

TEST(headers_at_the_limit_and_above)
{
    for (uint32_t i = 0; i < 4; i += 1) {
        uint32_t extra = i % 2;
        struct dr_buffer buffer;

        limit(i / 2);
        dr_buffer_init(&buffer, 1 << 20);
        dr_buffer_append_text(&buffer, GET); /* with Host */
        for (uint32_t k = 1; k < limits.headers + extra; k += 1)
            dr_buffer_printf(&buffer, "X-%u: y\r\n", k);
        dr_buffer_append_text(&buffer, "\r\n");
        check_status(&buffer, extra == 0 ? 0 : 431);
    }
}

TEST(target_at_the_limit_and_above)
{
    for (uint32_t i = 0; i < 4; i += 1) {
        uint32_t extra = i % 2;
        struct dr_buffer buffer;

        limit(i / 2);
        dr_buffer_init(&buffer, 1 << 20);
        dr_buffer_append_text(&buffer, "GET /");
        for (uint32_t k = 1; k < limits.target_bytes + extra; k += 1)
            dr_buffer_append_text(&buffer, "a");
        dr_buffer_append_text(&buffer, " HTTP/1.1\r\n" H "\r\n");
        check_status(&buffer, extra == 0 ? 0 : 414);
    }
}

TEST(requests_at_the_limit_and_above)
{
    static const char one[] = GET "\r\n";
    struct dr_gate gate;

    begin(&gate, 0);
    for (uint32_t i = 0; i < limits.connection_requests; i += 1) {
        CHECK_EQ(gate.state, DR_GATE_IDLE);
        CHECK_EQ(dr_gate_pass(&gate, (const uint8_t *)one, sizeof one - 1, i), sizeof one - 1);
    }
    CHECK_EQ(gate.state, DR_GATE_CLOSED);
    CHECK_EQ(dr_gate_pass(&gate, (const uint8_t *)one, sizeof one - 1, 5000), 0);
    CHECK_EQ(dr_gate_deadline_us(&gate), INT64_MAX);
}

/* One byte a second: the deadline counts from the first byte and does not move. */
TEST(a_slow_header_is_ended)
{
    static const char one[] = GET "\r\n";
    struct dr_gate gate;
    int64_t now_us = 7000000;
    size_t shown = 0;

    begin(&gate, now_us);
    while (now_us < dr_gate_deadline_us(&gate)) {
        shown += 1;
        CHECK_EQ(dr_gate_pass(&gate, (const uint8_t *)one, shown, now_us), 0);
        now_us += 1000000;
    }
    CHECK_EQ(now_us, 7000000 + DR_SECOND_US * limits.header_s);
    dr_gate_expire(&gate);
    CHECK_EQ(gate.state, DR_GATE_REFUSED);
    CHECK_EQ(gate.status, 408);
}

TEST(a_slow_body_is_ended)
{
    static const char header[] = POST "Content-Length: 500\r\n\r\n";
    const uint8_t byte = 'x';
    struct dr_gate gate;
    int64_t now_us = 100;

    begin(&gate, 0);
    /* the second half of the header comes late, and does not move the deadline */
    CHECK_EQ(dr_gate_pass(&gate, (const uint8_t *)header, 10, now_us), 0);
    now_us += DR_SECOND_US * limits.header_s / 2;
    CHECK_EQ(dr_gate_pass(&gate, (const uint8_t *)header, sizeof header - 1, now_us),
             sizeof header - 1);
    CHECK_EQ(gate.state, DR_GATE_BODY);
    CHECK_EQ(dr_gate_deadline_us(&gate), DR_SECOND_US * limits.request_s);
    while (now_us < dr_gate_deadline_us(&gate)) {
        CHECK_EQ(dr_gate_pass(&gate, &byte, 1, now_us), 1);
        now_us += 1000000;
    }
    dr_gate_expire(&gate);
    CHECK_EQ(gate.status, 408);
    CHECK_EQ(dr_gate_pass(&gate, &byte, 1, now_us), 0);
}

TEST(idleness_ends_without_a_word)
{
    static const char one[] = GET "\r\n";
    struct dr_gate gate;

    begin(&gate, 50);
    CHECK_EQ(dr_gate_deadline_us(&gate), 50 + DR_SECOND_US * limits.header_s);
    CHECK(dr_gate_pass(&gate, (const uint8_t *)one, sizeof one - 1, 60) > 0);
    CHECK_EQ(dr_gate_deadline_us(&gate), 60 + DR_SECOND_US * limits.idle_s);
    dr_gate_expire(&gate);
    CHECK_EQ(gate.state, DR_GATE_CLOSED);
}
