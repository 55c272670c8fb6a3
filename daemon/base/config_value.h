/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "daemon/base/base.h"

/*
 * The value of a key, of text without blanks around it. -EINVAL: it is not written so, or is out of
 * bounds. Those of the log are in config.h.
 */
typedef int config_parse(const char *text, uint64_t *ret);

/* yes, true, on, 1; no, false, off, 0 */
int config_parse_boolean(const char *text, uint64_t *ret) must_check;
int config_parse_number(const char *text, uint64_t *ret) must_check;
/* A number above 0. */
int config_parse_count(const char *text, uint64_t *ret) must_check;
/* Of hooks at once. */
int config_parse_hooks(const char *text, uint64_t *ret) must_check;
int config_parse_runners(const char *text, uint64_t *ret) must_check;
/* Looks at it alone, *ret stays as it was. */
int config_parse_path(const char *text, uint64_t *ret) must_check;
/* Seconds. */
int config_parse_timeout_as_ms(const char *text, uint64_t *ret) must_check;
int config_parse_age_as_ms(const char *text, uint64_t *ret) must_check;
/* With K, M, G or T. */
int config_parse_bytes(const char *text, uint64_t *ret) must_check;
/* "150%" of one CPU, in CONFIG_CPU_PERIOD_US. */
int config_parse_quota_us(const char *text, uint64_t *ret) must_check;
/* An int64_t. */
int config_parse_nice(const char *text, uint64_t *ret) must_check;
/* In octal. */
int config_parse_umask(const char *text, uint64_t *ret) must_check;

/* ", it takes ..." for an error, of those with a bound or a form that one would not guess. */
void config_print_takes(config_parse *parse, char *ret_text, size_t size);
