/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/settings/seccomp.h"

/*
 * Interprets a profile rule by rule for each call, slowly, without BPF and without any code of the
 * daemon: hookd's compiler is compared with it. On x86-64.
 */

/* An architecture as a filter sees it. */
struct seccomp_machine {
	const char *oci;
	uint32_t token; /* libseccomp's */
	uint32_t audit;
	bool is_64bit;
};
extern const struct seccomp_machine seccomp_machines[];
extern const size_t seccomp_machine_count;

struct seccomp_reader;
struct seccomp_reader *seccomp_reader_new(const struct hp_seccomp *profile);
void seccomp_reader_free(struct seccomp_reader *reader);

/* Of the profile, or the machine's own. */
bool seccomp_reader_has(const struct seccomp_reader *reader, const struct seccomp_machine *machine);
/* The numbers of the profile's calls there; at most `size`. */
size_t seccomp_reader_numbers(const struct seccomp_reader *reader,
			      const struct seccomp_machine *machine, int numbers[], size_t size);

#define SECCOMP_ANSWERS_MAX 64
/* More than one where rules with tests overlap; which of them decides is tested elsewhere. */
struct seccomp_answers {
	uint32_t actions[SECCOMP_ANSWERS_MAX];
	size_t count;
};
void seccomp_reader_ask(const struct seccomp_reader *reader, const struct seccomp_data *data,
			struct seccomp_answers *ret_answers);
bool seccomp_answers_have(const struct seccomp_answers *answers, uint32_t action);
