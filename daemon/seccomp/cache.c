/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the cache of compiled profiles and the processes that compile them (process.c). States of an
 * entry:
 *
 *	QUEUED            --a compiler is started-----------> COMPILING
 *	COMPILING         --compiled------------------------> READY
 *	COMPILING         --the profile cannot be compiled--> FAILED
 *	QUEUED, COMPILING --failed for another reason-------> GONE (freed after its waits)
 *	QUEUED, COMPILING --nothing waits any more----------> (freed)
 *	READY, FAILED     --least recently used, until_ns---> (freed)
 *
 * FAILED entries are kept like READY ones, so that a bad profile is not compiled again and again.
 * After a failure for lack of memory, of processes or of wall-clock time the next call tries again.
 *
 * The key is the canonical text itself and not a hash of it: with a hash, a caller that can produce
 * a collision would get the filter of another profile. The size of all texts is bounded.
 */
#include "daemon/seccomp/cache.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "daemon/proc/proc.h"
#include "daemon/seccomp/answer.h"
#include "proto/base/names.h"
#include "proto/json/json_writer.h"
#include "proto/settings/settings_json.h"

#ifndef HASH_NONFATAL_OOM
#define HASH_NONFATAL_OOM 1
#endif
#include <uthash.h>

#define ERRNO_MAX      4095 /* of the kernel (MAX_ERRNO) */
#define KEPT_MAX       64
#define KEPT_BYTES_MAX (16u * 1024 * 1024)
#define COMPILERS_MAX  4
/* A profile that took too long may take less when the machine is less busy: tried again after. */
#define SLOW_FOR_NS (60 * 1000000000ll)
#define FOR_EVER_NS INT64_MAX
/* The compiler has 1 s of CPU time; this is the limit for one that sleeps or gets no CPU. */
#define COMPILE_TIMEOUT_NS (5 * 1000000000ull)

struct filter_entry {
	enum { ENTRY_QUEUED, ENTRY_COMPILING, ENTRY_READY, ENTRY_FAILED, ENTRY_GONE } state;
	struct filter_cache *cache;
	char *text;
	size_t length;
	struct proc *proc;     /* in COMPILING */
	struct filter *filter; /* in READY */
	char *reason;	       /* in FAILED, with the two below */
	int error;
	int64_t until_ns; /* in FAILED, CLOCK_MONOTONIC: after that it is compiled again */
	TAILQ_HEAD(, filter_wait) waits;
	TAILQ_ENTRY(filter_entry)
	link;		   /* filter_cache::queued, or a kept_list; none in COMPILING */
	UT_hash_handle hh; /* filter_cache::by_text, until GONE */
};
TAILQ_HEAD(entry_list, filter_entry);

/* The entries in READY, or those in FAILED; the most recently used one is last. */
struct kept_list {
	struct entry_list entries;
	size_t count, bytes;
};

/* The result of a compilation. */
struct compile_answer {
	struct filter *filter; /* NULL: failed */
	const char *reason;    /* of the failure */
	int error;	       /* of the failure, -errno */
	int64_t lasts_ns;      /* how long the failure is cached; 0: not at all */
	char text[256];	       /* buffer for the reason, where it is not a constant */
};

struct filter_cache {
	struct procs *procs;
	struct filter_entry *by_text;
	struct entry_list queued; /* first come, first served */
	struct kept_list ready, failed;
	size_t compiling;
	struct event *place_free; /* activated when a compiler was ended early */
};

/* ---- filters ---- */

struct filter *filter_ref(struct filter *filter)
{
	assert(filter->refs > 0);
	filter->refs++;
	return filter;
}

struct filter *filter_unref(struct filter *filter)
{
	if (!filter)
		return NULL;
	assert(filter->refs > 0);
	if (--filter->refs > 0)
		return NULL;
	free(filter->unknown_syscalls);
	free(filter->instructions);
	free(filter);
	return NULL;
}

/* One allocation for the array of pointers and, after it, the names. */
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

static struct filter_entry *entry_new(struct filter_cache *cache, char *text, size_t length)
{
	struct filter_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->cache = cache;
	entry->text = text;
	entry->length = length;
	TAILQ_INIT(&entry->waits);
	HASH_ADD_KEYPTR(hh, cache->by_text, entry->text, length, entry);
	if (!entry->hh.tbl) {
		free(entry);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&cache->queued, entry, link);
	return entry;
}

static void keep(struct kept_list *list, struct filter_entry *entry)
{
	TAILQ_INSERT_TAIL(&list->entries, entry, link);
	list->count++;
	list->bytes += entry->length;
}

static void unkeep(struct kept_list *list, struct filter_entry *entry)
{
	assert(list->count > 0 && list->bytes >= entry->length);
	TAILQ_REMOVE(&list->entries, entry, link);
	list->count--;
	list->bytes -= entry->length;
}

static void leave_state(struct filter_entry *entry)
{
	struct filter_cache *cache = entry->cache;

	switch (entry->state) {
	case ENTRY_QUEUED:
		TAILQ_REMOVE(&cache->queued, entry, link);
		break;
	case ENTRY_COMPILING:
		assert(cache->compiling > 0 && entry->proc);
		entry->proc = proc_free(entry->proc);
		cache->compiling--;
		break;
	case ENTRY_READY:
		unkeep(&cache->ready, entry);
		break;
	case ENTRY_FAILED:
		unkeep(&cache->failed, entry);
		break;
	case ENTRY_GONE:
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
	if (entry->state != ENTRY_GONE)
		HASH_DEL(entry->cache->by_text, entry);
	filter_unref(entry->filter);
	free(entry->reason);
	free(entry->text);
	free(entry);
}

static void touch(struct filter_entry *entry)
{
	struct filter_cache *cache = entry->cache;
	struct kept_list *list = entry->state == ENTRY_READY ? &cache->ready : &cache->failed;

	assert(entry->state == ENTRY_READY || entry->state == ENTRY_FAILED);
	unkeep(list, entry);
	keep(list, entry);
}

/* ---- the compiler's answer ---- */

static void describe_end(const struct hp_hook_result *result, struct compile_answer *answer)
{
	char name[24];

	answer->error = -ETIME;
	answer->reason = answer->text;
	if (result->outcome == HP_HOOK_SIGNALED && result->signal == SIGXCPU) {
		answer->reason = "the profile takes longer than 1 s to compile";
		answer->lasts_ns = SLOW_FOR_NS;
		return;
	}
	if (result->outcome == HP_HOOK_TIMED_OUT) {
		answer->reason = "the profile was not compiled within 5 s";
		return;
	}
	answer->error = -EIO;
	if (result->outcome == HP_HOOK_SIGNALED) {
		snprintf(answer->text, sizeof(answer->text),
			 "the compiler of the profile was killed by %s",
			 hp_signal_name(result->signal, name));
	} else if (result->outcome == HP_HOOK_SPAWN_FAILED) {
		answer->error = result->failed_errno > 0 ? -result->failed_errno : -EIO;
		snprintf(answer->text, sizeof(answer->text),
			 "the compiler of the profile cannot be started: %s",
			 strerror(result->failed_errno));
	} else {
		answer->reason = "the compiler of the profile has failed";
	}
}

/*
 * Takes the reason from the compiler's stderr. EINVAL, E2BIG and EOPNOTSUPP depend on the profile
 * and the machine alone, so they are cached for good.
 */
static void read_reason(const struct hp_output *text, int error, struct compile_answer *answer)
{
	bool lasts = error == EINVAL || error == E2BIG || error == EOPNOTSUPP;

	snprintf(answer->text, sizeof(answer->text), "%.*s", (int)text->length,
		 text->bytes ? text->bytes : "");
	answer->reason = answer->text;
	answer->error = -error;
	answer->lasts_ns = lasts ? FOR_EVER_NS : 0;
}

/*
 * An exploited compiler can write anything, so only the form is checked: the kernel checks the
 * program.
 */
static void read_answer(const struct hp_hook_result *result, struct compile_answer *answer)
{
	const struct hp_output *out = &result->output[0];
	struct compiled compiled;

	if (result->outcome != HP_HOOK_EXITED || out->length < sizeof(compiled)) {
		describe_end(result, answer);
		return;
	}
	memcpy(&compiled, out->bytes, sizeof(compiled));
	if (compiled.error < 0 || compiled.error > ERRNO_MAX) {
		describe_end(result, answer);
		return;
	}
	if (compiled.error) {
		read_reason(&result->output[1], compiled.error, answer);
		return;
	}
	if (out->total != out->length || compiled.count == 0 || compiled.count > BPF_MAXINSNS ||
	    out->length != sizeof(compiled) + compiled.count * sizeof(struct sock_filter) +
			       compiled.names_length ||
	    (compiled.names_length && out->bytes[out->length - 1] != '\0')) {
		describe_end(result, answer);
		return;
	}
	answer->error = filter_new(&compiled, out->bytes + sizeof(compiled), &answer->filter);
	answer->reason = "out of memory";
}

/* ---- compiling ---- */

static void start_queued(struct filter_cache *cache);

static void trim(struct kept_list *list)
{
	while (list->count > KEPT_MAX || (list->bytes > KEPT_BYTES_MAX && list->count > 1))
		entry_free(TAILQ_FIRST(&list->entries));
}

static bool keep_failure(struct filter_entry *entry, const struct compile_answer *answer)
{
	if (answer->lasts_ns == 0 || !(entry->reason = strdup(answer->reason)))
		return false;
	entry->error = answer->error;
	entry->until_ns = ns_add(clock_ns(CLOCK_MONOTONIC), answer->lasts_ns);
	entry->state = ENTRY_FAILED;
	keep(&entry->cache->failed, entry);
	return true;
}

/*
 * Ends a compilation: moves the entry to its new state, then calls all waits. An entry that is not
 * kept leaves the table before, so that filter_cache_get() in a ready() compiles again.
 */
static void settle(struct filter_entry *entry, const struct compile_answer *answer)
{
	struct filter_cache *cache = entry->cache;
	struct filter *filter = answer->filter;
	struct filter_wait *wait;

	assert(entry->state == ENTRY_QUEUED || entry->state == ENTRY_COMPILING);
	assert(filter || answer->error < 0); /* read_answer() has checked it */
	leave_state(entry);
	entry->filter = filter;
	if (filter) {
		entry->state = ENTRY_READY;
		keep(&cache->ready, entry);
	} else if (!keep_failure(entry, answer)) {
		HASH_DEL(cache->by_text, entry);
		entry->state = ENTRY_GONE;
	}
	while ((wait = TAILQ_FIRST(&entry->waits))) {
		TAILQ_REMOVE(&entry->waits, wait, link);
		wait->entry = NULL;
		wait->error = answer->error;
		wait->ready(wait, filter ? filter_ref(filter) : NULL, answer->reason);
	}
	if (entry->state == ENTRY_GONE)
		entry_free(entry);
	trim(&cache->ready);
	trim(&cache->failed);
}

static void on_compiled(struct proc *proc, void *userdata)
{
	struct filter_entry *entry = userdata;
	struct filter_cache *cache = entry->cache;
	struct hp_hook_result result = {0};
	struct compile_answer answer = {0};

	assert(entry->state == ENTRY_COMPILING && entry->proc == proc);
	proc_take_result(proc, &result);
	read_answer(&result, &answer);
	settle(entry, &answer);
	hp_hook_result_clear(&result);
	start_queued(cache);
}

#define CANNOT_BE_STARTED "the compiler of the profile cannot be started"

static int start(struct filter_entry *entry)
{
	static char name[] = COMPILER_NAME;
	static char *const argv[] = {name, NULL}, *const envp[] = {NULL};
	struct filter_cache *cache = entry->cache;
	const struct proc_spec spec = {
	    .path = "/proc/self/exe",
	    .argv = argv,
	    .envp = envp,
	    .state = entry->text,
	    .state_length = entry->length,
	    .timeout_ns = COMPILE_TIMEOUT_NS,
	    .is_own_program = true,
	    .any_owner = true,
	    .target = HOOK_TARGET_NONE,
	};
	struct spawn_failure failure;
	int r = proc_start(cache->procs, &spec, on_compiled, entry, &entry->proc, &failure);

	if (r < 0)
		return r;
	assert(entry->state == ENTRY_QUEUED);
	leave_state(entry);
	entry->state = ENTRY_COMPILING;
	cache->compiling++;
	return 0;
}

static void start_queued(struct filter_cache *cache)
{
	struct filter_entry *entry;

	while (cache->compiling < COMPILERS_MAX && (entry = TAILQ_FIRST(&cache->queued))) {
		int r = start(entry);

		if (r < 0)
			settle(entry,
			       &(struct compile_answer){.reason = CANNOT_BE_STARTED, .error = r});
	}
}

static void on_place_free(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd, (void)what;
	start_queued(userdata);
}

/* ---- the cache ---- */

int filter_cache_new(struct procs *procs, struct filter_cache **ret_cache)
{
	struct filter_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return -ENOMEM;
	cache->procs = procs;
	TAILQ_INIT(&cache->queued);
	TAILQ_INIT(&cache->ready.entries);
	TAILQ_INIT(&cache->failed.entries);
	cache->place_free = event_new(procs->base, -1, 0, on_place_free, cache);
	if (!cache->place_free) {
		free(cache);
		return -ENOMEM;
	}
	*ret_cache = cache;
	return 0;
}

struct filter_cache *filter_cache_free(struct filter_cache *cache)
{
	if (!cache)
		return NULL;
	while (cache->by_text)
		entry_free(cache->by_text);
	assert(cache->compiling == 0 && cache->ready.count == 0 && cache->failed.count == 0);
	event_free(cache->place_free);
	free(cache);
	return NULL;
}

/* Takes ownership of `text`. A new entry is compiled at once where COMPILERS_MAX permits. */
static int find_or_start(struct filter_cache *cache, char *text, size_t length,
			 struct filter_entry **ret_entry)
{
	struct filter_entry *entry;
	int r = 0;

	HASH_FIND(hh, cache->by_text, text, length, entry);
	if (entry && entry->state == ENTRY_FAILED && clock_ns(CLOCK_MONOTONIC) >= entry->until_ns) {
		entry_free(entry);
		entry = NULL;
	}
	if (entry) {
		free(text);
		*ret_entry = entry;
		return 0;
	}
	entry = entry_new(cache, text, length);
	if (!entry) {
		free(text);
		return -ENOMEM;
	}
	if (cache->compiling < COMPILERS_MAX)
		r = start(entry);
	if (r < 0)
		entry_free(entry);
	else
		*ret_entry = entry;
	return r;
}

int filter_cache_get(struct filter_cache *cache, const struct hp_seccomp *profile,
		     struct filter_wait *wait, struct filter **ret_filter, const char **ret_reason)
{
	struct hp_buf text = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&text);
	struct filter_entry *entry;
	int r;

	assert(!wait->entry && wait->ready);
	*ret_reason = CANNOT_BE_STARTED;
	hp_seccomp_write(&writer, profile);
	if (text.failed) {
		hp_buf_free(&text);
		return -ENOMEM;
	}
	r = find_or_start(cache, text.data, text.length, &entry);
	if (r < 0)
		return r;
	if (entry->state == ENTRY_READY || entry->state == ENTRY_FAILED)
		touch(entry);
	if (entry->state == ENTRY_READY) {
		*ret_filter = filter_ref(entry->filter);
		return 1;
	}
	if (entry->state == ENTRY_FAILED) {
		*ret_reason = entry->reason;
		return entry->error;
	}
	wait->entry = entry;
	TAILQ_INSERT_TAIL(&entry->waits, wait, link);
	return 0;
}

void filter_cache_forget(struct filter_wait *wait)
{
	struct filter_entry *entry = take_ptr(wait->entry);

	if (!entry)
		return;
	TAILQ_REMOVE(&entry->waits, wait, link);
	if (!TAILQ_EMPTY(&entry->waits))
		return;
	if (entry->state != ENTRY_QUEUED && entry->state != ENTRY_COMPILING)
		return;
	event_active(entry->cache->place_free, 0, 0);
	entry_free(entry);
}
