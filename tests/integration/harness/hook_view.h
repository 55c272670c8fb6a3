/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Verbs of the helper that are in their own file. */
void verb_view(char **words);
void verb_syscall(char **words);
