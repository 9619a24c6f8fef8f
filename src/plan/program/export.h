/* SPDX-License-Identifier: Apache-2.0 */
/* export.h: the program as a file that other solvers read. */
#ifndef DR_PLAN_EXPORT_H
#define DR_PLAN_EXPORT_H

#include <stdio.h>

#include "plan/program/program.h"

/* MPS in its free form, as GLPK, CBC, HiGHS and others read it; minimise. */
void dr_export_mps(const struct dr_program *program, FILE *file);
/* CPLEX's LP form. Names have '_' where that form has a meaning of its own for a character. */
void dr_export_lp(const struct dr_program *program, FILE *file);

#endif
