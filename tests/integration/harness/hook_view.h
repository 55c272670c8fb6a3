/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Verbs of the helper that stand in a file of their own. */
void verb_view(char **words);
void verb_syscall(char **words);
