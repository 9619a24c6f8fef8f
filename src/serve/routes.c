/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/routes.h"

#include <string.h>

#include "serve/exchange.h"

#define R DR_ROLE_USER

static const struct dr_route ROUTES[] = {
    {"POST", "/v1/jobs", "", "200 201 404 409 507", R, .writes = 1, .large = 1,
     .doc = "submit one job, an array, or up to 10,000 jobs", .handle = route_jobs_submit},
    {"GET", "/v1/jobs", "state account user name site limit before", "200 404", R,
     .doc = "list jobs, highest id first", .handle = route_jobs_list},
    {"POST", "/v1/jobs/cancel", "", "200 404", R, .writes = 1,
     .doc = "cancel a list of jobs, or an array", .handle = route_jobs_cancel},
    {"GET", "/v1/jobs/{job}", "", "200 404", R, .doc = "show a job", .handle = route_job_show},
    {"DELETE", "/v1/jobs/{job}", "", "200 404 409", R, .writes = 1, .doc = "cancel a job",
     .handle = route_job_cancel},
    {"POST", "/v1/jobs/{job}/hold", "", "200 404 409", R, .writes = 1,
     .doc = "keep a waiting job from starting", .handle = route_job_hold},
    {"POST", "/v1/jobs/{job}/release", "", "200 404 409", R, .writes = 1,
     .doc = "let a held job go on", .handle = route_job_release},
    {"POST", "/v1/jobs/{job}/lost", "", "200 404 409", DR_ROLE_OPERATOR, .writes = 1,
     .doc = "give up an UNREACHABLE job's attempt: the job runs again elsewhere",
     .handle = route_job_lost},
    {"POST", "/v1/jobs/{job}/checkpoint", "", "200 404 409", R, .writes = 1,
     .doc = "say that the job's work is saved now", .handle = route_job_checkpoint},
    {"GET", "/v1/jobs/{job}/why", "forecast age_us", "200 404", R,
     .doc = "why a job waits, what would free it, and when it is expected to start",
     .handle = route_job_why},
    {"GET", "/v1/jobs/{job}/logs", "stream offset task follow", "200 404 409 507", R,
     .doc = "what a job wrote", .handle = route_job_logs},
    {"GET", "/v1/jobs/{job}/facts", "", "200 404", R, .doc = "every fact that names the job",
     .handle = route_job_facts},
    {"DELETE", "/v1/jobs/{job}/text", "", "200 404 409", R, .writes = 1,
     .doc = "erase what was written into the job", .handle = route_job_erase},
    {"GET", "/v1/nodes", "site", "200 404", R, .doc = "list nodes", .handle = route_nodes},
    {"POST", "/v1/nodes/{name}/drain", "", "200 404 409", DR_ROLE_OPERATOR, .writes = 1,
     .doc = "give a node nothing new", .handle = route_node_drain},
    {"POST", "/v1/nodes/{name}/resume", "", "200 404 409", DR_ROLE_OPERATOR, .writes = 1,
     .doc = "use a drained node again", .handle = route_node_resume},
    {"POST", "/v1/nodes/{name}/down", "", "200 404 409", DR_ROLE_OPERATOR, .writes = 1,
     .doc = "declare a node lost, and its attempts with it", .handle = route_node_down},
    {"POST", "/v1/nodes/{name}/up", "", "200 404 409", DR_ROLE_OPERATOR, .writes = 1,
     .doc = "declare a lost node found", .handle = route_node_up},
    {"GET", "/v1/sites", "", "200", R, .doc = "list sites", .handle = route_sites},
    {"POST", "/v1/sites/{name}/lost", "", "200 404 409", DR_ROLE_OPERATOR, .writes = 1,
     .doc = "give up what is UNREACHABLE at a site: the jobs run again elsewhere",
     .handle = route_site_lost},
    {"GET", "/v1/power", "", "200", R, .doc = "what sites and grid zones draw, and their caps",
     .handle = route_power},
    {"POST", "/v1/power/caps", "", "201 404 409 507", DR_ROLE_OPERATOR, .writes = 1,
     .doc = "announce a power cap for a time, or change one", .handle = route_cap_announce},
    {"DELETE", "/v1/power/caps/{name}", "", "200 404 409", DR_ROLE_OPERATOR, .writes = 1,
     .doc = "call a cap off", .handle = route_cap_cancel},
    {"GET", "/v1/reservations", "", "200", R,
     .doc = "list advance reservations: nodes for accounts, or for maintenance, for a time",
     .handle = route_reservations},
    {"POST", "/v1/reservations", "", "201 404 409 507", DR_ROLE_OPERATOR, .writes = 1,
     .doc = "reserve nodes in advance", .handle = route_reservation_make},
    {"DELETE", "/v1/reservations/{name}", "", "200 404 409", DR_ROLE_OPERATOR, .writes = 1,
     .doc = "give an advance reservation up", .handle = route_reservation_drop},
    {"GET", "/v1/accounts", "", "200", R, .doc = "list accounts with their quotas",
     .handle = route_accounts},
    {"GET", "/v1/usage", "account", "200 404", R, .doc = "what accounts have used, up to now",
     .handle = route_usage},
    {"GET", "/v1/federation", "", "200", DR_ROLE_AUDITOR,
     .doc = "the living federation as its file", .handle = route_federation_show},
    {"POST", "/v1/federation", "dry_run", "200 404 409 507", DR_ROLE_ADMIN, .writes = 1, .large = 1,
     .plain = 1, .doc = "change the living federation to what a file says",
     .handle = route_federation_apply},
    {"POST", "/v1/what-if", "", "200 507", DR_ROLE_OPERATOR, .large = 1,
     .doc = "what would change, and for whom, if the federation were another",
     .handle = route_what_if},
    {"GET", "/v1/tokens", "", "200", R, .doc = "list tokens", .handle = route_tokens},
    {"POST", "/v1/tokens", "", "201 404 409 507", R, .writes = 1,
     .doc = "give out a token; it is shown once", .handle = route_token_issue},
    {"DELETE", "/v1/tokens/{id}", "", "200 404 409", R, .writes = 1, .doc = "take a token back",
     .handle = route_token_revoke},
    {"GET", "/v1/me", "", "200", R, .doc = "who asks", .handle = route_me},
    {"GET", "/v1/events", "from job", "200 404", R, .doc = "facts as they happen, as a stream",
     .handle = route_events},
    {"GET", "/v1/facts", "from limit", "200", R, .doc = "facts from a sequence number on",
     .handle = route_facts},
    {"GET", "/v1/audit/head", "", "200", DR_ROLE_AUDITOR, .doc = "the head of the chain of facts",
     .handle = route_audit_head},
    {"GET", "/v1/health", "", "200", R, .open = 1, .doc = "is the controller there",
     .handle = route_health},
    {"GET", "/metrics", "", "200", DR_ROLE_AUDITOR, .doc = "figures for Prometheus",
     .handle = route_metrics},
};

const struct dr_route *dr_routes(uint32_t *count)
{
    *count = DR_COUNT_OF(ROUTES);
    return ROUTES;
}

/* Fill {job} or {id}: digits without a sign, and no zero ahead. */
static int take_number(const char *segment, size_t bytes, uint64_t *number)
{
    uint64_t sum = 0;

    if (bytes == 0 || bytes > 18 || segment[0] == '0')
        return 0;
    for (size_t i = 0; i < bytes; i += 1) {
        if (segment[i] < '0' || segment[i] > '9')
            return 0;
        sum = sum * 10 + (uint64_t)(segment[i] - '0');
    }
    *number = sum;
    return 1;
}

static int matches(const char *pattern, const char *path, const char *end,
                   struct dr_route_match *match)
{
    while (*pattern != 0 && path < end) {
        if (*pattern == '{') {
            const char *segment = path;
            size_t bytes;

            while (path < end && *path != '/')
                path += 1;
            bytes = (size_t)(path - segment);
            if (pattern[1] == 'n') {
                if (bytes == 0 || bytes >= sizeof match->name)
                    return 0;
                memcpy(match->name, segment, bytes);
                match->name[bytes] = 0;
            } else if (!take_number(segment, bytes, &match->number)) {
                return 0;
            }
            while (*pattern != '}')
                pattern += 1;
            pattern += 1;
        } else if (*pattern == *path) {
            pattern += 1;
            path += 1;
        } else {
            return 0;
        }
    }
    return *pattern == 0 && path == end;
}

void dr_route_find(const char *method, const char *path, size_t path_bytes,
                   struct dr_route_match *match)
{
    *match = (struct dr_route_match){0};
    for (size_t i = 0; i < DR_COUNT_OF(ROUTES); i += 1) {
        if (!matches(ROUTES[i].pattern, path, path + path_bytes, match))
            continue;
        if (strcmp(ROUTES[i].method, method) == 0) {
            match->route = &ROUTES[i];
            return;
        }
        snprintf(match->allow + strlen(match->allow), sizeof match->allow - strlen(match->allow),
                 "%s%s", match->allow[0] == 0 ? "" : ", ", ROUTES[i].method);
    }
}

int dr_route_large(const char *method, const char *path, size_t path_bytes)
{
    struct dr_route_match match;

    dr_route_find(method, path, path_bytes, &match);
    return match.route != NULL && match.route->large;
}
