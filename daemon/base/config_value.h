/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "daemon/base/base.h"

/*
 * Parses the value of a key; `text` has no blanks around it. -EINVAL: malformed, or out of bounds.
 * The parsers of the keys of [Log] are in config.h.
 */
typedef int config_parse(const char *text, uint64_t *ret);

/* yes, true, on, 1; no, false, off, 0 */
int config_parse_boolean(const char *text, uint64_t *ret) must_check;
int config_parse_number(const char *text, uint64_t *ret) must_check;
/* A number above 0. */
int config_parse_count(const char *text, uint64_t *ret) must_check;
/* Number of hooks that run at the same time. */
int config_parse_hooks(const char *text, uint64_t *ret) must_check;
/* Number of processes that run hooks. */
int config_parse_runners(const char *text, uint64_t *ret) must_check;
/* A list of absolute folders. Only checks it; *ret is left unchanged. */
int config_parse_path(const char *text, uint64_t *ret) must_check;
/* Seconds. */
int config_parse_timeout_as_ms(const char *text, uint64_t *ret) must_check;
int config_parse_age_as_ms(const char *text, uint64_t *ret) must_check;
/* With K, M, G or T. */
int config_parse_bytes(const char *text, uint64_t *ret) must_check;
/* The same, from 1M on. */
int config_parse_history_bytes(const char *text, uint64_t *ret) must_check;
/* An absolute folder. Only checks it. */
int config_parse_directory(const char *text, uint64_t *ret) must_check;
/* "150%" of one CPU, in CONFIG_CPU_PERIOD_US. */
int config_parse_quota_us(const char *text, uint64_t *ret) must_check;
/* -20 to 19; *ret is the int64_t cast to uint64_t. */
int config_parse_nice(const char *text, uint64_t *ret) must_check;

/* Permissions of a file, or a umask, in octal. */
int config_parse_mode(const char *text, uint64_t *ret) must_check;
/* As listen_address_parse(), or nothing; only checks it. */
int config_parse_listen(const char *text, uint64_t *ret) must_check;
/* The number of a group: names are not looked up, which could wait for a network. */
int config_parse_gid(const char *text, uint64_t *ret) must_check;

/* Those of [Runtime], which hookd-runtime uses. They only check. */
int config_parse_program(const char *text, uint64_t *ret) must_check;
int config_parse_address(const char *text, uint64_t *ret) must_check;
int config_parse_if_down(const char *text, uint64_t *ret) must_check;

/* What the parser accepts, for "it takes ...". */
#define CONFIG_TAKES_SIZE 96
void config_print_takes(config_parse *parse, char ret_text[static CONFIG_TAKES_SIZE]);
