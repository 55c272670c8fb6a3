/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache of compiled profiles, and the processes that compile them (daemon/compiler.c).
 *
 *	QUEUED --a place is free--> COMPILING --its process has ended--> READY --others are used-->
 *(freed)
 *	   \______________________________\_______ nobody waits any more, or it failed
 *______________/
 *
 * The key is the profile's canonical text itself, not a digest of it: whoever could make two texts
 * collide would get another's filter, and the texts kept are bounded.
 */
#include "daemon/run/filters.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "daemon/run/compiled.h"
#include "daemon/run/proc.h"
#include "proto/json_writer.h"
#include "proto/settings_json.h"

#ifndef HASH_NONFATAL_OOM
#define HASH_NONFATAL_OOM 1
#endif
#include <uthash.h>

#define READY_MAX	64
#define READY_BYTES_MAX (16u * 1024 * 1024)
#define COMPILERS_MAX	4
/* The compiler itself has 1 s of CPU time; this is for one that waits, or a very busy machine. */
#define COMPILE_TIMEOUT_NS (5 * 1000000000ull)
#define REASON_SIZE	   256

struct filter_entry {
	enum { ENTRY_QUEUED, ENTRY_COMPILING, ENTRY_READY, ENTRY_FAILED } state;
	struct filters *filters;
	char *text;
	size_t length;
	struct proc *proc;     /* in COMPILING */
	struct filter *filter; /* in READY */
	TAILQ_HEAD(, filter_wait) waits;
	TAILQ_ENTRY(filter_entry) link; /* filters::queued, ::ready; in no list while COMPILING */
	UT_hash_handle hh;		/* filters::by_text */
};
TAILQ_HEAD(entry_list, filter_entry);

struct filters {
	struct procs *procs;
	struct filter_entry *by_text;
	struct entry_list queued; /* first come, first served */
	struct entry_list ready;  /* the one used last is last */
	size_t ready_count, ready_bytes;
	size_t compiling;
	struct event *place_free; /* active after somebody has withdrawn */
};

/* ---- filters ---- */

struct filter *filter_ref(struct filter *filter)
{
	filter->refs++;
	return filter;
}

struct filter *filter_unref(struct filter *filter)
{
	if (!filter || --filter->refs > 0)
		return NULL;
	free(filter->unknown_syscalls);
	free(filter->instructions);
	free(filter);
	return NULL;
}

/* The names in one block: the pointers, then what they point at. */
static char **copy_names(const char *names, size_t length)
{
	size_t count = 0, i = 0;
	char **copy, *text;

	for (size_t k = 0; k < length; k++)
		count += names[k] == '\0';
	copy = malloc((count + 1) * sizeof(*copy) + length);
	if (!copy)
		return NULL;
	text = memcpy(&copy[count + 1], names, length);
	for (; i < count; text += strlen(text) + 1)
		copy[i++] = text;
	copy[i] = NULL;
	return copy;
}

static int filter_new(const struct compiled *compiled, const char *rest, struct filter **ret_filter)
{
	size_t code_length = compiled->count * sizeof(struct sock_filter);
	struct filter *filter = malloc(sizeof(*filter));

	if (!filter)
		return -ENOMEM;
	*filter = (struct filter){
	    .instructions = malloc(code_length),
	    .count = compiled->count,
	    .flags = compiled->flags,
	    .needs_listener = compiled->needs_listener,
	    .unknown_syscalls = copy_names(rest + code_length, compiled->names_length),
	    .refs = 1,
	};
	if (!filter->instructions || !filter->unknown_syscalls) {
		filter_unref(filter);
		return -ENOMEM;
	}
	memcpy(filter->instructions, rest, code_length);
	*ret_filter = filter;
	return 0;
}

/* ---- entries ---- */

static struct filter_entry *entry_new(struct filters *filters, char *text, size_t length)
{
	struct filter_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->filters = filters;
	entry->text = text;
	entry->length = length;
	TAILQ_INIT(&entry->waits);
	HASH_ADD_KEYPTR(hh, filters->by_text, entry->text, length, entry);
	if (!entry->hh.tbl) {
		free(entry);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&filters->queued, entry, link);
	return entry;
}

static void leave_state(struct filter_entry *entry)
{
	struct filters *filters = entry->filters;

	switch (entry->state) {
	case ENTRY_QUEUED:
		TAILQ_REMOVE(&filters->queued, entry, link);
		break;
	case ENTRY_COMPILING:
		entry->proc = proc_free(entry->proc);
		filters->compiling--;
		break;
	case ENTRY_READY:
		TAILQ_REMOVE(&filters->ready, entry, link);
		filters->ready_count--;
		filters->ready_bytes -= entry->length;
		break;
	case ENTRY_FAILED:
		break;
	}
}

static void entry_free(struct filter_entry *entry)
{
	struct filter_wait *wait;

	while ((wait = TAILQ_FIRST(&entry->waits))) {
		TAILQ_REMOVE(&entry->waits, wait, link);
		wait->entry = NULL;
	}
	leave_state(entry);
	if (entry->state != ENTRY_FAILED)
		HASH_DEL(entry->filters->by_text, entry);
	filter_unref(entry->filter);
	free(entry->text);
	free(entry);
}

static void touch(struct filter_entry *entry)
{
	TAILQ_REMOVE(&entry->filters->ready, entry, link);
	TAILQ_INSERT_TAIL(&entry->filters->ready, entry, link);
}

/* ---- the compiler's answer ---- */

static const char *describe_end(const struct hp_hook_result *result,
				char reason[static REASON_SIZE], int *ret_error)
{
	char name[24];

	*ret_error = -ETIME;
	if (result->outcome == HP_HOOK_SIGNALED && result->signal == SIGXCPU)
		return "the profile takes longer than 1 s to compile";
	if (result->outcome == HP_HOOK_TIMED_OUT)
		return "the profile is not compiled after 5 s";
	*ret_error = -EIO;
	if (result->outcome == HP_HOOK_SIGNALED)
		snprintf(reason, REASON_SIZE, "the compiler of the profile was ended by %s",
			 hp_signal_name(result->signal, name));
	else if (result->outcome == HP_HOOK_SPAWN_FAILED)
		snprintf(reason, REASON_SIZE, "the compiler of the profile cannot be started: %s",
			 strerror(result->failed_errno));
	else
		snprintf(reason, REASON_SIZE, "the compiler of the profile has failed");
	return reason;
}

/* The sentence of a compiler that could not do it. */
static const char *read_sentence(const struct hp_output *error, char reason[static REASON_SIZE])
{
	snprintf(reason, REASON_SIZE, "%.*s", (int)error->length, error->bytes ? error->bytes : "");
	return reason;
}

/* NULL: there is a filter; else why there is none, and *ret_error. */
static const char *read_answer(const struct hp_hook_result *result, struct filter **ret_filter,
			       char reason[static REASON_SIZE], int *ret_error)
{
	const struct hp_output *out = &result->output[0];
	struct compiled compiled;

	if (result->outcome != HP_HOOK_EXITED || out->length < sizeof(compiled))
		return describe_end(result, reason, ret_error);
	memcpy(&compiled, out->bytes, sizeof(compiled));
	*ret_error = -compiled.error;
	if (compiled.error)
		return read_sentence(&result->output[1], reason);
	if (out->total != out->length || compiled.count == 0 || compiled.count > BPF_MAXINSNS ||
	    out->length != sizeof(compiled) + compiled.count * sizeof(struct sock_filter) +
			       compiled.names_length ||
	    (compiled.names_length && out->bytes[out->length - 1] != '\0'))
		return describe_end(result, reason, ret_error);
	*ret_error = filter_new(&compiled, out->bytes + sizeof(compiled), ret_filter);
	return *ret_error < 0 ? "out of memory" : NULL;
}

/* ---- compiling ---- */

static void start_queued(struct filters *filters);

static void trim(struct filters *filters)
{
	while (filters->ready_count > READY_MAX ||
	       (filters->ready_bytes > READY_BYTES_MAX && filters->ready_count > 1))
		entry_free(TAILQ_FIRST(&filters->ready));
}

/* A failed entry leaves the table first, so that whoever asks again in ready() gets another try. */
static void settle(struct filter_entry *entry, struct filter *filter, const char *reason, int error)
{
	struct filters *filters = entry->filters;
	struct filter_wait *wait;

	leave_state(entry);
	entry->filter = filter;
	if (filter) {
		entry->state = ENTRY_READY;
		TAILQ_INSERT_TAIL(&filters->ready, entry, link);
		filters->ready_count++;
		filters->ready_bytes += entry->length;
	} else {
		HASH_DEL(filters->by_text, entry);
		entry->state = ENTRY_FAILED;
	}
	while ((wait = TAILQ_FIRST(&entry->waits))) {
		TAILQ_REMOVE(&entry->waits, wait, link);
		wait->entry = NULL;
		wait->error = error;
		wait->ready(wait, filter ? filter_ref(filter) : NULL, reason);
	}
	if (filter)
		trim(filters);
	else
		entry_free(entry);
}

static void on_compiled(struct proc *proc, void *userdata)
{
	struct filter_entry *entry = userdata;
	struct filters *filters = entry->filters;
	struct hp_hook_result result = {0};
	char reason_text[REASON_SIZE];
	struct filter *filter = NULL;
	const char *reason = "out of memory";
	int error = -ENOMEM;

	if (proc_take_result(proc, &result) == 0)
		reason = read_answer(&result, &filter, reason_text, &error);
	settle(entry, filter, reason, error);
	hp_hook_result_clear(&result);
	start_queued(filters);
}

static int start(struct filter_entry *entry)
{
	static char name[] = COMPILER_NAME;
	static char *const argv[] = {name, NULL}, *const envp[] = {NULL};
	struct filters *filters = entry->filters;
	const struct proc_spec spec = {
	    .path = "/proc/self/exe",
	    .argv = argv,
	    .envp = envp,
	    .state = entry->text,
	    .state_length = entry->length,
	    .timeout_ns = COMPILE_TIMEOUT_NS,
	    .is_own_program = true,
	    .any_owner = true,
	    .target = ENTER_NOWHERE,
	};
	struct spawn_failure failure;
	int r = proc_start(filters->procs, &spec, on_compiled, entry, &entry->proc, &failure);

	if (r < 0)
		return r;
	leave_state(entry);
	entry->state = ENTRY_COMPILING;
	filters->compiling++;
	return 0;
}

static void start_queued(struct filters *filters)
{
	struct filter_entry *entry;

	while (filters->compiling < COMPILERS_MAX && (entry = TAILQ_FIRST(&filters->queued))) {
		int r = start(entry);

		if (r < 0)
			settle(entry, NULL, "the compiler of the profile cannot be started", r);
	}
}

static void on_place_free(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd, (void)what;
	start_queued(userdata);
}

/* ---- asking ---- */

int filters_new(struct procs *procs, struct filters **ret_filters)
{
	struct filters *filters = calloc(1, sizeof(*filters));

	if (!filters)
		return -ENOMEM;
	filters->procs = procs;
	TAILQ_INIT(&filters->queued);
	TAILQ_INIT(&filters->ready);
	filters->place_free = event_new(procs->base, -1, 0, on_place_free, filters);
	if (!filters->place_free) {
		free(filters);
		return -ENOMEM;
	}
	*ret_filters = filters;
	return 0;
}

struct filters *filters_free(struct filters *filters)
{
	if (!filters)
		return NULL;
	while (filters->by_text)
		entry_free(filters->by_text);
	event_free(filters->place_free);
	free(filters);
	return NULL;
}

/* Takes the text; an entry that is new is started where there is a place for it. */
static int find_or_start(struct filters *filters, char *text, size_t length,
			 struct filter_entry **ret_entry)
{
	struct filter_entry *entry;
	int r = 0;

	HASH_FIND(hh, filters->by_text, text, length, entry);
	if (entry) {
		free(text);
		*ret_entry = entry;
		return 0;
	}
	entry = entry_new(filters, text, length);
	if (!entry) {
		free(text);
		return -ENOMEM;
	}
	if (filters->compiling < COMPILERS_MAX)
		r = start(entry);
	if (r < 0)
		entry_free(entry);
	else
		*ret_entry = entry;
	return r;
}

int filters_get(struct filters *filters, const struct hp_seccomp *profile, struct filter_wait *wait,
		struct filter **ret_filter)
{
	struct hp_buf text = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&text);
	struct filter_entry *entry;
	int r;

	hp_seccomp_write(&writer, profile);
	if (text.failed) {
		hp_buf_free(&text);
		return -ENOMEM;
	}
	r = find_or_start(filters, text.data, text.length, &entry);
	if (r < 0)
		return r;
	if (entry->state == ENTRY_READY) {
		touch(entry);
		*ret_filter = filter_ref(entry->filter);
		return 1;
	}
	wait->entry = entry;
	TAILQ_INSERT_TAIL(&entry->waits, wait, link);
	return 0;
}

void filters_forget(struct filter_wait *wait)
{
	struct filter_entry *entry = take_ptr(wait->entry);

	if (!entry)
		return;
	TAILQ_REMOVE(&entry->waits, wait, link);
	if (!TAILQ_EMPTY(&entry->waits))
		return;
	if (entry->state != ENTRY_QUEUED && entry->state != ENTRY_COMPILING)
		return;
	event_active(entry->filters->place_free, 0, 0);
	entry_free(entry);
}
