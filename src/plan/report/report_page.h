/* SPDX-License-Identifier: Apache-2.0 */
/* report_page.h: the page of a plan that web/report is built into, as it stands in the program. */
#ifndef DR_PLAN_REPORT_PAGE_H
#define DR_PLAN_REPORT_PAGE_H

/* HTML, with a 0 after it; dr_page_begin(). */
extern const char dr_plan_page[];

#endif
