/* SPDX-License-Identifier: Apache-2.0 */
/* report_page.h: the page that web/report is built into, as it stands in the program. */
#ifndef DR_SIM_REPORT_PAGE_H
#define DR_SIM_REPORT_PAGE_H

#include <stdint.h>

/* HTML, with a 0 after it. dr_page_begin(). */
extern const char dr_report_page[];

#endif
