/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the time of hookd-oci-hook goes. It is executed with its state in a pipe, and talks to
 * hookd through this process, which passes on what both say and takes the time of it:
 *
 *	exec --read state, hooks--> connected --> request sent --hookd--> reply --> exited
 *
 * The program, hookd and the hook are on the first CPU that this process may use. This process is
 * on the last one and never sleeps, so that it sees each event when it happens. Prints a row for
 * each part, beside a bare process. Exits with 77 if there is only one CPU.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/ask.h"
#include "tests/bench/options.h"

#define PREFIX	     "unix:"
#define BLOCK_TIMES  20
#define EXIT_SKIP    77
#define HOOKS_FORMAT "--hooks-json={\"createRuntime\":[{\"path\":\"%s\"}]}"

struct moments {
	int64_t executed, connected, requested, replied, exited;
};

struct parts {
	struct samples until_connected, until_requested, until_replied, until_exited, whole, bare;
};

struct relay {
	const struct options *options;
	char *state, *hooks, *address;
	struct sockaddr_un hookd;
	int listener;
	cpu_set_t cpus_of_program;
	struct parts parts;
};

/* ---- the program ---- */

/* Executes it with stdin; the child shares the memory until the exec, and tells when that begins.
 */
static pid_t start(const struct relay *relay, char *const argv[], int input, int64_t *ret_executed)
{
	char *const envp[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	volatile int64_t *executed = ret_executed;
	pid_t pid = vfork();

	if (pid == 0) {
		if (sched_setaffinity(0, sizeof(cpu_set_t), &relay->cpus_of_program) < 0 ||
		    (input >= 0 && dup2(input, STDIN_FILENO) < 0))
			_exit(127);
		*executed = now_ns();
		execve(argv[0], argv, envp);
		_exit(127);
	}
	return pid < 0 ? -errno : pid;
}

/* 1: it has exited with 0; 0: not yet. */
static int has_exited(pid_t pid)
{
	int status;
	pid_t waited = waitpid(pid, &status, WNOHANG);

	if (waited <= 0)
		return waited < 0 ? -errno : 0;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 1 : -ECHILD;
}

static int time_bare(struct relay *relay)
{
	char *const argv[] = {(char *)relay->options->hook, NULL};
	int64_t begin = 0;
	pid_t pid = start(relay, argv, -1, &begin);
	int r = pid;

	while (r >= 0 && (r = has_exited(pid)) == 0)
		continue;
	return r < 0 ? r : samples_add(&relay->parts.bare, now_ns() - begin);
}

/* ---- between it and hookd ---- */

/* Moves what has arrived. 1: something has, 0: nothing, or the end. */
static int pass_on(int from, int to)
{
	char bytes[16384];
	ssize_t n = recv(from, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n <= 0)
		return n < 0 && errno != EAGAIN ? -errno : 0;
	return send(to, bytes, (size_t)n, MSG_NOSIGNAL) == n ? 1 : -EIO;
}

static int relay_until_exit(const struct relay *relay, pid_t pid, int hookd, struct moments *at)
{
	int client = -1, r = 0;

	while (r >= 0 && (r = has_exited(pid)) == 0) {
		if (client < 0) {
			client = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC);
			at->connected = now_ns();
			continue;
		}
		r = pass_on(client, hookd);
		if (r > 0)
			at->requested = now_ns();
		if (r >= 0 && at->requested) {
			int64_t now = now_ns();

			r = pass_on(hookd, client);
			if (r > 0)
				at->replied = now;
		}
	}
	at->exited = now_ns();
	if (client >= 0)
		close(client);
	return r < 0 ? r : at->replied ? 0 : -EPROTO;
}

static int connect_hookd(const struct relay *relay)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&relay->hookd, sizeof(relay->hookd)) < 0)
		return -errno;
	return fd;
}

static int open_state(const struct relay *relay)
{
	size_t length = strlen(relay->state);
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	if (write(fds[1], relay->state, length) != (ssize_t)length) {
		close(fds[0]);
		fds[0] = -EIO;
	}
	close(fds[1]);
	return fds[0];
}

static int add_parts(struct parts *parts, const struct moments *at)
{
	const struct {
		struct samples *samples;
		int64_t ns;
	} all[] = {
	    {&parts->until_connected, at->connected - at->executed},
	    {&parts->until_requested, at->requested - at->connected},
	    {&parts->until_replied, at->replied - at->requested},
	    {&parts->until_exited, at->exited - at->replied},
	    {&parts->whole, at->exited - at->executed},
	};
	int r = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && r == 0; i++)
		r = samples_add(all[i].samples, all[i].ns);
	return r;
}

static int time_program(struct relay *relay)
{
	char *const argv[] = {(char *)relay->options->program, (char *)"--stage=createRuntime",
			      relay->hooks, relay->address, NULL};
	struct moments at = {0};
	int input = open_state(relay), hookd = connect_hookd(relay);
	pid_t pid = input < 0 ? input : hookd < 0 ? hookd : 0;
	int r;

	if (pid == 0)
		pid = start(relay, argv, input, &at.executed);
	r = pid < 0 ? pid : relay_until_exit(relay, pid, hookd, &at);
	if (input >= 0)
		close(input);
	if (hookd >= 0)
		close(hookd);
	return r < 0 ? r : add_parts(&relay->parts, &at);
}

/* ---- all of them ---- */

static void for_all_parts(struct parts *parts, void (*function)(struct samples *samples))
{
	function(&parts->until_connected);
	function(&parts->until_requested);
	function(&parts->until_replied);
	function(&parts->until_exited);
	function(&parts->whole);
	function(&parts->bare);
}

static int run_rounds(struct relay *relay)
{
	int r = 0;

	for (unsigned int round = 0; round <= relay->options->rounds && r == 0; round++) {
		for (unsigned int i = 0; i < BLOCK_TIMES && r == 0; i++) {
			r = time_program(relay);
			if (r == 0)
				r = time_bare(relay);
		}
		if (round == 0)
			for_all_parts(&relay->parts, samples_forget);
	}
	return r;
}

static void print_part(const char *what, struct samples *part, struct samples *bare)
{
	row_print(&(struct row){
	    .what = what,
	    .a = samples_median_ns(part) / 1000,
	    .b = samples_median_ns(bare) / 1000,
	    .unit = "us",
	});
}

static void print_results(struct relay *relay)
{
	struct parts *parts = &relay->parts;

	print_part(relay->options->what, &parts->whole, &parts->bare);
	print_part("  from its exec until it has connected", &parts->until_connected, &parts->bare);
	print_part("  until it has sent the request", &parts->until_requested, &parts->bare);
	print_part("  until hookd replies", &parts->until_replied, &parts->bare);
	print_part("  until it has exited", &parts->until_exited, &parts->bare);
}

/* ---- start ---- */

/* False: there is only one CPU. */
static bool share_cpus(struct relay *relay)
{
	cpu_set_t allowed, own;
	int first = -1, last = -1;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return false;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed))
			continue;
		first = first < 0 ? cpu : first;
		last = cpu;
	}
	CPU_ZERO(&relay->cpus_of_program);
	CPU_SET(first, &relay->cpus_of_program);
	CPU_ZERO(&own);
	CPU_SET(last, &own);
	return first != last && sched_setaffinity(0, sizeof(own), &own) == 0;
}

static int set_path(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	strcpy(address->sun_path, path);
	return 0;
}

static int prepare(struct relay *relay)
{
	const struct options *options = relay->options;
	struct sockaddr_un own;
	char *path = NULL;
	int r = strncmp(options->address, PREFIX, strlen(PREFIX)) == 0 ? 0 : -EINVAL;

	if (r == 0)
		r = set_path(&relay->hookd, options->address + strlen(PREFIX));
	relay->state = ask_state(0);
	if (asprintf(&relay->hooks, HOOKS_FORMAT, options->hook) < 0 ||
	    asprintf(&path, "%s/shim.sock", options->scratch) < 0 ||
	    asprintf(&relay->address, "--address=" PREFIX "%s", path) < 0 || !relay->state)
		return -ENOMEM;
	if (r == 0)
		r = set_path(&own, path);
	free(path);
	relay->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (r == 0 && (bind(relay->listener, (const struct sockaddr *)&own, sizeof(own)) < 0 ||
		       listen(relay->listener, 1) < 0))
		r = -errno;
	return r;
}

int main(int argc, char *argv[])
{
	struct options options;
	struct relay relay = {.options = &options, .listener = -1};
	int r = options_parse(argc, argv, &options);

	if (r < 0 || !options.program || !options.scratch || !options.hook || !options.address)
		return options_exit(argv[0], -EINVAL, "options.h");
	if (!share_cpus(&relay)) {
		printf("%-52s not measured: there is only one CPU\n", options.what);
		return EXIT_SKIP;
	}
	r = prepare(&relay);
	if (r == 0)
		r = run_rounds(&relay);
	if (r == 0)
		print_results(&relay);
	for_all_parts(&relay.parts, samples_free);
	if (relay.listener >= 0)
		close(relay.listener);
	free(relay.state);
	free(relay.hooks);
	free(relay.address);
	return options_exit(argv[0], r, "a side of it failed");
}
