/* SPDX-License-Identifier: Apache-2.0 */
/* http_people.h: an http_world with one site of four nodes and six people, each with a token.
 *
 *     struct http_world *w = people_world();
 *     uint64_t job = http_submit(w, people_tokens[STUDENT], "{\"command\":[\"true\"]}");
 *     ASK(people_tokens[ENGINEER], "GET", "/v1/usage?account=university", NULL, 404, "UNKNOWN");
 *     http_world_close(w);
 *
 * The student and the professor, who is its admin, are of the account university, the engineer is
 * of cars. */
#ifndef DR_TEST_HTTP_PEOPLE_H
#define DR_TEST_HTTP_PEOPLE_H

#include "http_world.h"

enum { BOSS, KEEPER, LOOKER, STUDENT, PROFESSOR, ENGINEER, PEOPLE };

extern const char *const PEOPLE_NAMES[PEOPLE];
/* Of the world opened last. */
extern char people_tokens[PEOPLE][128];
extern const char PEOPLE_FEDERATION[];

struct http_world *people_world(void);
/* The same with other limits of clients; what is 0 has its default. */
struct http_world *people_world_with(const struct dr_edge_limits *limits);

/* A member of the answer; 0, or "(none)", where there is none. */
int64_t reply_number(const struct reply *reply, const char *member);
const char *reply_text(const struct reply *reply, const char *member);
/* The answer has this status and kind of error ("": none); frees it. */
void reply_expect(struct reply *reply, int status, const char *kind);

/* Ask in the world `w`, and expect. */
#define ASK(who, method, path, body, status, kind)                 \
    do {                                                           \
        struct reply asked = http_ask(w, who, method, path, body); \
        reply_expect(&asked, status, kind);                        \
    } while (0)

/* The id of a job that is accepted. */
uint64_t http_submit(struct http_world *w, const char *who, const char *body);
/* A stream whose head has come: `got` [got_bytes] is that, and what came with it. */
int http_open_stream(struct http_world *w, const char *token, const char *path, const char *headers,
                     char *got, size_t got_bytes);

#endif
