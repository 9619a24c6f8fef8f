/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

int main(int count, char **arguments)
{
    return dr_cli_main(count, arguments);
}
