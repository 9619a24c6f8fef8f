/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/serve.h"

#include <signal.h>

#include "serve/forecast.h"
#include "serve/http.h"
#include "serve/json.h"

static void say_where(FILE *json, const struct dr_controller_options *options, uint16_t port)
{
    struct dr_buffer line DR_CLEANUP(dr_buffer_deinit) = {0};

    dr_buffer_init(&line, 16384);
    dr_put_begin(&line, NULL, '{');
    dr_put_text(&line, "socket", options->socket);
    if (port != 0)
        dr_put_u64(&line, "port", port);
    dr_put_text(&line, "data", options->directory);
    dr_put_end(&line, '}');
    fprintf(json, "%s\n", dr_buffer_text(&line));
    fflush(json);
}

enum dr_status dr_serve(const struct dr_controller_options *given, const char *federation_file,
                        FILE *json, struct dr_error *error)
{
    struct dr_controller_options options = *given;
    const struct dr_controller_options *settled;
    struct dr_controller *controller = NULL;
    struct dr_forecast *forecast;
    struct dr_http *http = NULL;
    enum dr_status status;
    struct dr_error found = {0};
    const char *why = NULL;
    char line[1400];

    if (options.log == NULL)
        options.log = stderr;
    /* A client that goes away in the middle of an answer is no reason to end. */
    signal(SIGPIPE, SIG_IGN);
    status = dr_controller_open(&controller, &options, federation_file, error);
    if (status != DR_OK)
        return status;
    settled = dr_controller_options(controller);
    forecast = dr_forecast_open(controller);
    status = dr_http_open(&http, controller, forecast, error);
    if (status == DR_OK) {
        if (json != NULL)
            say_where(json, settled, dr_http_port(http));
        fprintf(options.log, "daero: listens on %s", settled->socket);
        if (options.socket_for_all != NULL) {
            if (dr_http_listen_for_all(http, options.socket_for_all, &found) == DR_OK)
                fprintf(options.log, ", for all users on %s", options.socket_for_all);
            else
                why = dr_error_line(&found, line, sizeof line);
        }
        if (dr_http_port(http) != 0)
            fprintf(options.log, " and on 127.0.0.1:%u", dr_http_port(http));
        fprintf(options.log, "; data in %s\n", settled->directory);
        if (why != NULL)
            fprintf(options.log,
                    "daero: other users find this controller by --socket alone, since %s can't be "
                    "had: %s\n",
                    options.socket_for_all, why);
        fflush(options.log);
        status = dr_controller_run(controller, error);
    }
    dr_http_close(http);
    dr_forecast_close(forecast);
    dr_controller_close(controller);
    return status;
}
