/* SPDX-License-Identifier: Apache-2.0 */
/* daero-shim: started by the controller, never by hand. Read launcher.c first. */
#include "engine/shim/shim.h"

int main(int argument_count, char **arguments)
{
    if (argument_count >= 2 && strcmp(arguments[1], "launcher") == 0)
        return launcher_main(argument_count, arguments);
    fprintf(stderr, "daero-shim: the controller starts this program by itself; see daero(1)\n");
    return 2;
}
