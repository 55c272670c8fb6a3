/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a runner says to hookd. Whatever it is, listeners hear of each hook at most once, in order
 * and only of hooks that the list has, and of the end of each list exactly once.
 */

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/runner/runners.h"
#include "tests/fuzz/steps.h"

#define HOOK_COUNT 3
#define LISTS_MAX  8

static struct event_base *base;
static struct runners *runners;
static char directory[] = "/tmp/hookd-fuzz-XXXXXX";
static int listener_fd = -1, connection = -1;
static pid_t ended_process;

/* hookd must kill nobody here, and start nothing. */
int __real_pidfd_open(pid_t pid, unsigned int flags);
int __wrap_pidfd_open(pid_t pid, unsigned int flags);
int __wrap_link_spawn(void);

int __wrap_pidfd_open(pid_t pid, unsigned int flags)
{
	(void)pid;
	return __real_pidfd_open(ended_process, flags);
}

int __wrap_link_spawn(void)
{
	return -EAGAIN;
}

/* ---- listeners ---- */

struct heard {
	struct list *list; /* NULL: it has ended, or there is none */
	size_t next, finished;
	bool is_running, has_failed;
	bool is_new; /* an adopted list can begin with any hook */
	char run[MESSAGE_RUN_SIZE];
};

static struct heard heards[LISTS_MAX];

static void begin(struct heard *heard, size_t index)
{
	if (heard->is_new)
		heard->next = index;
	heard->is_new = false;
}

static void on_started(void *userdata, size_t index, pid_t pid, int64_t started_us)
{
	struct heard *heard = userdata;

	(void)started_us;
	begin(heard, index);
	must(heard->list && pid >= 0, "a list that goes on starts hooks");
	must(index == heard->next && index < HOOK_COUNT && !heard->is_running,
	     "hooks start in order");
	heard->is_running = true;
}

static void on_output(void *userdata, size_t index, const struct hook_output *output)
{
	struct heard *heard = userdata;
	unsigned int sum = 0;

	begin(heard, index);
	must(heard->list && index == heard->next && index < HOOK_COUNT,
	     "output is of the hook that runs");
	must(output->stream == 1 || output->stream == 2, "there are two streams");
	for (size_t i = 0; i < output->length; i++)
		sum += (unsigned char)output->bytes[i];
	must(sum <= output->length * 255, "all of the output can be read");
}

static void on_finished(void *userdata, size_t index, struct hp_hook_result *result)
{
	struct heard *heard = userdata;

	begin(heard, index);
	must(heard->list && index == heard->next && index < HOOK_COUNT, "hooks finish in order");
	must(result->outcome < HP_HOOK_OUTCOME_COUNT, "an outcome is known");
	heard->next++;
	heard->finished++;
	heard->is_running = false;
	heard->has_failed |= !result->success;
	hp_hook_result_clear(result);
}

static void on_ended(void *userdata, struct list_end *end)
{
	struct heard *heard = userdata;

	must(heard->list != NULL, "a list ends once");
	must(end->is_lost || end->refusal || end->is_cancelled || heard->has_failed ||
		 heard->next == HOOK_COUNT,
	     "all hooks have run");
	must(end->is_lost || end->refusal || !heard->is_running, "no hook runs any more");
	must(!end->refusal || heard->finished == 0, "only the first hook is refused");
	heard->list = NULL;
	if (end->refusal)
		hp_hook_result_clear(end->refusal);
	free(end->ignored);
	must(end->is_kept == !end->is_lost, "a runner that is there keeps the results");
	if (heard->finished % 2 == 0)
		runners_acknowledge(runners, heard->run);
}

static const struct list_listener listener = {
    .started = on_started, .output = on_output, .finished = on_finished, .ended = on_ended};

static struct heard *find_place(const char *run)
{
	struct heard *place = NULL;

	for (size_t i = 0; i < LISTS_MAX; i++) {
		if (heards[i].list && strcmp(heards[i].run, run) == 0)
			return NULL;
		if (!heards[i].list)
			place = &heards[i];
	}
	if (place) {
		*place = (struct heard){0};
		strcpy(place->run, run);
	}
	return place;
}

static bool adopt(const char *run, size_t first, struct list *list,
		  const struct list_listener **ret_listener, void **ret_userdata,
		  size_t *ret_hook_count, void *userdata)
{
	struct heard *heard = find_place(run);

	(void)first, (void)userdata;
	if (!heard)
		return false;
	heard->list = list;
	heard->is_new = true;
	*ret_listener = &listener;
	*ret_userdata = heard;
	*ret_hook_count = HOOK_COUNT;
	return true;
}

/* ---- hookd ---- */

static void start_list(const char *run)
{
	static struct hp_hook hooks[HOOK_COUNT];
	static const struct hp_hook_list list = {hooks, HOOK_COUNT};
	const struct list_order order = {
	    .run = run,
	    .request = "{}",
	    .request_length = 2,
	    .hooks = &list,
	    .default_path = "/bin",
	    .target = HOOK_TARGET_NONE,
	    .settings = {.rdt_tasks = -1, .rdt_mon_tasks = -1},
	};
	struct list_starter *starter = runners_starter(runners);
	struct heard *heard = find_place(run);

	if (heard && starter->start(starter, &order, &listener, heard, &heard->list) < 0)
		heard->list = NULL;
}

/* Bits: list (3), what (3). */
static void act(uint8_t number)
{
	struct heard *heard = &heards[number & 7];
	struct list *list = heard->list;

	switch (number >> 3 & 7) {
	case 0:
		start_list(number & 1 ? "r1" : "r0");
		break;
	case 1:
		if (list)
			list->operations->cancel(list);
		break;
	case 2:
		if (list)
			list->operations->listen(list);
		break;
	case 3:
		if (list)
			list->operations->pause(list, number & 64);
		break;
	case 4:
		if (list)
			list->operations->free(list);
		heard->list = NULL;
		break;
	default:
		must(!list || list->operations->pid(list) >= 0, "a pid is one");
		break;
	}
}

/* ---- the runner ---- */

static void send_step(uint8_t type)
{
	const uint8_t greeting[] = {2};
	struct steps steps = {greeting, 1};

	steps_send(&steps, type, connection);
}

static void on_connection(evutil_socket_t fd, short what, void *userdata)
{
	bool *is_first = userdata;
	int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)what;
	if (accepted < 0)
		return;
	if (connection >= 0)
		close(connection);
	connection = accepted;
	/* hookd waits for it; later the input decides what is said. */
	if (*is_first) {
		send_step(MESSAGE_HELLO);
		send_step(MESSAGE_SYNCED);
	}
	*is_first = false;
}

static void listen_at(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", directory, name);
	(void)unlink(address.sun_path);
	listener_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	must(bind(listener_fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		 listen(listener_fd, 8) == 0,
	     "there is a socket");
}

static void remove_directory(void)
{
	(void)rmdir(directory);
}

static void prepare(void)
{
	must(mkdtemp(directory) != NULL, "there is a directory");
	atexit(remove_directory);
	base = event_base_new();
	log_set_level(-1);
	ended_process = fork();
	if (ended_process == 0)
		_exit(0);
	must(waitid(P_PID, (id_t)ended_process, &(siginfo_t){0}, WEXITED | WNOWAIT) == 0,
	     "a process ends");
}

static void turn(bool reads)
{
	static char packet[256 * 1024];

	event_base_loop(base, EVLOOP_NONBLOCK);
	while (reads && connection >= 0 &&
	       recv(connection, packet, sizeof(packet), MSG_DONTWAIT) > 0)
		continue;
}

static void step(struct steps *steps)
{
	uint8_t what = steps_byte(steps);

	if (what == STEP_TURN) {
		turn(steps_byte(steps) & 1);
	} else if (what == STEP_ACTION) {
		act(steps_byte(steps));
	} else if (what == STEP_CLOSE && connection >= 0) {
		close(connection);
		connection = -1;
	} else if (what != STEP_CLOSE && connection >= 0) {
		steps_send(steps, what, connection);
	}
	for (int i = 0; i < 2; i++)
		turn(false);
}

static void on_change(const char *ids, void *userdata)
{
	(void)ids, (void)userdata;
}

static void on_all_known(void *userdata)
{
	(void)userdata;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct runners_options options = {.count = 1,
						.state = directory,
						.adopt = adopt,
						.changed = on_change,
						.all_known = on_all_known};
	struct steps steps = {data, size};
	bool is_first = true;
	struct event *event;

	if (!base)
		prepare();
	listen_at("runner-0.sock");
	event = event_new(base, listener_fd, EV_READ | EV_PERSIST, on_connection, &is_first);
	event_add(event, NULL);
	must(runners_new(base, &options, &runners) == 0, "the runner is found");
	while (steps.size > 0)
		step(&steps);
	for (int i = 0; i < 3; i++)
		turn(true);
	for (size_t i = 0; i < LISTS_MAX; i++)
		if (heards[i].list) {
			heards[i].list->operations->free(heards[i].list);
			heards[i].list = NULL;
		}
	runners = runners_free(runners, true);
	event_free(event);
	close(listener_fd);
	if (connection >= 0)
		close(connection);
	connection = -1;
	return 0;
}
