/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <syslog.h>

/*
 * The daemon's log. Only ipc/, journal/, runner/, files of daemon/ itself and, with file and line,
 * base/config.c log; all other code returns its error. Logging never blocks: a line that journald
 * or stderr does not accept at once is lost, and a later line says how many were lost.
 */

enum log_target { LOG_TARGET_AUTO, LOG_TARGET_JOURNAL, LOG_TARGET_STDERR };

/* AUTO: the journal where stderr is connected to it, else stderr. Where it fails, stderr. */
void log_open(enum log_target target);
void log_close(void);
void log_set_level(int priority); /* LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG */
bool log_is_on(int priority);

/* How many lines were lost since the start of the process. */
unsigned long log_lost(void);
/* Called when a line is lost and none was since the last line that got through. NULL: nothing is.
 */
void log_on_lost(void (*lost)(void *userdata), void *userdata);
/* Logs how many, if any. False: it could not, and there is still something to tell. */
bool log_tell_lost(void);

/*
 * A field of a journal entry, for example {"HOOKD_RUN", "..."}. NULL as value: left out. A first
 * field SYSLOG_IDENTIFIER replaces "hookd".
 */
struct log_field {
	const char *name;
	const char *value;
};

/*
 * Keeps errno. At most LOG_FIELDS_MAX fields. On stderr a line with fields is
 * `hookd: MESSAGE="..." PRIORITY=6 HOOKD_RUN=...`.
 */
#define LOG_FIELDS_MAX 16
void log_write(int priority, const struct log_field *fields, int count, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#define log_at(priority, ...)                                                                      \
	do {                                                                                       \
		if (log_is_on(priority))                                                           \
			log_write(priority, NULL, 0, __VA_ARGS__);                                 \
	} while (0)
#define log_error(...)	 log_at(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)	 log_at(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)	 log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...)	 log_at(LOG_DEBUG, __VA_ARGS__)
