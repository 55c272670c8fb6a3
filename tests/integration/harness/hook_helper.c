/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hook that the tests run. Its arguments are verbs, which it executes in order, for example
 *	hook say partial foreground sleep 60000
 * Linked statically, so that it runs in any mount namespace. Exits with 0 after the last verb, and
 * with 120 if a verb fails, which no test expects. Without verbs it prints its name.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hook_view.h"

#define EXIT_BROKEN 120

static _Noreturn void die(const char *what)
{
	perror(what);
	_exit(EXIT_BROKEN);
}

static void write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			die("write");
		bytes += written;
		length -= (size_t)written;
	}
}

static void copy(int from, int to)
{
	static char bytes[65536];
	ssize_t length;

	while ((length = read(from, bytes, sizeof(bytes))) > 0)
		write_all(to, bytes, (size_t)length);
	if (length < 0)
		die("read");
}

static int open_file(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0666);

	if (fd < 0)
		die(path);
	return fd;
}

/* ---- output ---- */

static void verb_say(char **words)
{
	write_all(STDOUT_FILENO, words[0], strlen(words[0]));
}

static void verb_complain(char **words)
{
	write_all(STDERR_FILENO, words[0], strlen(words[0]));
}

/* Writes bytes given in hexadecimal, "ff00", which may not be valid in JSON. */
static void verb_bytes(char **words)
{
	for (const char *hex = words[0]; hex[0] && hex[1]; hex += 2) {
		char pair[3] = {hex[0], hex[1], '\0'};
		char byte = (char)strtol(pair, NULL, 16);

		write_all(STDOUT_FILENO, &byte, 1);
	}
}

/* Adds 16 to a number of 15 digits; printf() would be too slow for 100 MB. */
static void next_line(char line[static 16])
{
	int carry = 16;

	for (int i = 14; carry > 0; i--) {
		int digit = line[i] - '0' + carry;

		line[i] = (char)('0' + digit % 10);
		carry = digit / 10;
	}
}

/* Sets the size of the pipe; only root may exceed /proc/sys/fs/pipe-max-size. */
static void verb_widen(char **words)
{
	if (fcntl(STDOUT_FILENO, F_SETPIPE_SZ, atoi(words[0])) < 0)
		die("F_SETPIPE_SZ");
}

/* Lines of 16 bytes with their offset, so that a test sees which ones were kept. */
static void verb_spam(char **words)
{
	unsigned long long left = strtoull(words[0], NULL, 10);
	char line[] = "000000000000000\n";
	static char block[65536];

	while (left > 0) {
		size_t length = 0;

		for (; length < sizeof(block) && left > 0; length += 16, left -= 16) {
			memcpy(block + length, line, 16);
			next_line(line);
		}
		write_all(STDOUT_FILENO, block, length);
	}
}

/* Writes single bytes for some milliseconds; longer if the pipe is full. */
static void verb_drip(char **words)
{
	struct timespec now;
	long end_ms = strtol(words[0], NULL, 10);

	clock_gettime(CLOCK_MONOTONIC, &now);
	end_ms += now.tv_sec * 1000 + now.tv_nsec / 1000000;
	while (now.tv_sec * 1000 + now.tv_nsec / 1000000 < end_ms) {
		write_all(STDOUT_FILENO, "x", 1);
		clock_gettime(CLOCK_MONOTONIC, &now);
	}
}

/* ---- stdin and files ---- */

static void verb_cat(char **words)
{
	(void)words;
	copy(STDIN_FILENO, STDOUT_FILENO);
}

static void verb_save(char **words)
{
	int fd = open_file(words[0], O_WRONLY | O_CREAT | O_TRUNC);

	copy(STDIN_FILENO, fd);
	close(fd);
}

/* Appends a line; with O_APPEND lines of several hooks are not mixed. */
static void verb_mark(char **words)
{
	int fd = open_file(words[0], O_WRONLY | O_CREAT | O_APPEND);
	char line[256];

	snprintf(line, sizeof(line), "%s\n", words[1]);
	write_all(fd, line, strlen(line));
	close(fd);
}

static void verb_show(char **words)
{
	int fd = open_file(words[0], O_RDONLY);

	copy(fd, STDOUT_FILENO);
	close(fd);
}

/* Tells the test, which reads the FIFO, that the hook is at this verb. */
static void verb_tell(char **words)
{
	int fd = open_file(words[0], O_WRONLY);

	write_all(fd, "!", 1);
	close(fd);
}

/* Waits until the test has written to the FIFO. */
static void verb_await(char **words)
{
	int fd = open_file(words[0], O_RDONLY);
	char byte;

	if (read(fd, &byte, 1) < 0)
		die(words[0]);
	close(fd);
}

static void verb_close(char **words)
{
	(void)words;
	for (int fd = 0; fd < 3; fd++)
		close(fd);
}

/* ---- processes ---- */

/* A child runs the other verbs; the hook exits at once. */
static void verb_background(char **words)
{
	pid_t child = fork();

	(void)words;
	if (child < 0)
		die("fork");
	if (child > 0)
		_exit(0);
}

/* A child runs the other verbs; the hook waits for it. */
static void verb_foreground(char **words)
{
	pid_t child = fork();
	int status;

	(void)words;
	if (child < 0)
		die("fork");
	if (child == 0)
		return;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid");
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/* Not for ever: if the test was killed, nothing else kills this process. */
static _Noreturn void wait_for_death(void)
{
	alarm(60);
	for (;;)
		pause();
}

static void verb_crowd(char **words)
{
	for (int i = atoi(words[0]); i > 0; i--) {
		pid_t child = fork();

		if (child < 0)
			die("fork");
		if (child == 0)
			wait_for_death();
	}
}

/* A child in its own session, whose parent has exited: only the cgroup shows whose it is. */
static void verb_orphan(char **words)
{
	pid_t child = fork();

	(void)words;
	if (child < 0)
		die("fork");
	if (child > 0) {
		waitpid(child, NULL, 0);
		return;
	}
	setsid();
	if (fork() > 0)
		_exit(0);
	setsid();
	wait_for_death();
}

/* Makes children of the hook's parent, which is hookd (CLONE_PARENT). They run the other verbs. */
static void verb_siblings(char **words)
{
	for (int i = atoi(words[0]); i > 0; i--) {
		long child = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);

		if (child < 0)
			die("clone");
		if (child == 0)
			return;
	}
	_exit(0);
}

/* Yama lets only ancestors trace a process, unless it allows others. */
static void verb_let_trace(char **words)
{
	(void)words;
	(void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
}

/* A child in its own session traces the hook, and does not wait for it. */
static void verb_traced(char **words)
{
	pid_t hook = getpid();
	int ends[2];
	char byte;

	verb_let_trace(words);
	if (pipe(ends) < 0)
		die("pipe");
	if (fork() == 0) {
		setsid();
		verb_close(words);
		if (ptrace(PTRACE_SEIZE, hook, NULL, NULL) < 0 || write(ends[1], "!", 1) != 1)
			_exit(EXIT_BROKEN);
		close(ends[0]);
		close(ends[1]);
		wait_for_death();
	}
	close(ends[1]);
	if (read(ends[0], &byte, 1) != 1)
		die("PTRACE_SEIZE");
	close(ends[0]);
}

static void verb_setsid(char **words)
{
	(void)words;
	if (setsid() < 0)
		die("setsid");
}

/* ---- time and signals ---- */

static void verb_sleep(char **words)
{
	long ms = strtol(words[0], NULL, 10);
	struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		continue;
}

static void verb_raise(char **words)
{
	raise(atoi(words[0]));
}

static void verb_ignore_term(char **words)
{
	(void)words;
	signal(SIGTERM, SIG_IGN);
}

static void verb_exit(char **words)
{
	_exit(atoi(words[0]));
}

/* ---- attributes of this process ---- */

static void report_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;

	if (!directory)
		die("/proc/self/fd");
	printf("fds");
	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(directory))
			printf(" %s", entry->d_name);
	printf("\n");
	closedir(directory);
}

/* Prints lines of a file of /proc, after a name: all, or those that begin with one of the words. */
static void report_lines(const char *path, const char *name, const char *const *begins)
{
	FILE *file = fopen(path, "re");
	char line[4096];

	if (!file)
		die(path);
	while (fgets(line, sizeof(line), file)) {
		const char *const *begin = begins;

		while (begin && *begin && strncmp(line, *begin, strlen(*begin)) != 0)
			begin++;
		if (!begin || *begin)
			printf("%s%s", name, line);
	}
	fclose(file);
}

static void report_limits(void)
{
	struct rlimit limit;
	mode_t mask = umask(022);

	umask(mask);
	getrlimit(RLIMIT_NOFILE, &limit);
	printf("umask %03o\nnofile %llu %llu\n", mask, (unsigned long long)limit.rlim_cur,
	       (unsigned long long)limit.rlim_max);
	getrlimit(RLIMIT_CORE, &limit);
	printf("core %llu\n", (unsigned long long)limit.rlim_cur);
	printf("nice %d\n", getpriority(PRIO_PROCESS, 0));
}

static void verb_report(char **words)
{
	static const char *const status[] = {
	    "SigBlk:", "SigIgn:", "SigCgt:", "NSpid:", "Uid:", "Gid:", "NoNewPrivs:", NULL};
	extern char **environ;
	char directory[4096];

	(void)words;
	report_fds();
	report_lines("/proc/self/status", "", status);
	report_limits();
	report_lines("/proc/self/oom_score_adj", "oom_score_adj ", NULL);
	report_lines("/proc/self/cgroup", "cgroup ", NULL);
	printf("nice %d\n", getpriority(PRIO_PROCESS, 0));
	printf("leads_session %d\nleads_group %d\npid %d\n", getsid(0) == getpid(),
	       getpgrp() == getpid(), getpid());
	printf("cwd %s\n", getcwd(directory, sizeof(directory)));
	for (char **variable = environ; *variable; variable++)
		printf("env %s\n", *variable);
	fflush(stdout);
}

/* ---- table of verbs ---- */

static const struct verb {
	const char *name;
	int words;
	void (*act)(char **words);
} verbs[] = {
    {"say", 1, verb_say},
    {"complain", 1, verb_complain},
    {"bytes", 1, verb_bytes},
    {"spam", 1, verb_spam},
    {"drip", 1, verb_drip},
    {"widen", 1, verb_widen},
    {"cat", 0, verb_cat},
    {"save", 1, verb_save},
    {"mark", 2, verb_mark},
    {"show", 1, verb_show},
    {"tell", 1, verb_tell},
    {"await", 1, verb_await},
    {"close", 0, verb_close},
    {"background", 0, verb_background},
    {"foreground", 0, verb_foreground},
    {"crowd", 1, verb_crowd},
    {"orphan", 0, verb_orphan},
    {"siblings", 1, verb_siblings},
    {"let-trace", 0, verb_let_trace},
    {"traced", 0, verb_traced},
    {"setsid", 0, verb_setsid},
    {"sleep", 1, verb_sleep},
    {"raise", 1, verb_raise},
    {"ignore-term", 0, verb_ignore_term},
    {"exit", 1, verb_exit},
    {"report", 0, verb_report},
    {"view", 0, verb_view},
    {"syscall", 1, verb_syscall},
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

int main(int argc, char **argv)
{
	int at = 1;

	if (argc == 1)
		printf("alone %s\n", argv[0]);
	while (at < argc) {
		const struct verb *verb = find_verb(argv[at]);

		if (!verb || at + verb->words >= argc) {
			fprintf(stderr, "hook: cannot do %s\n", argv[at]);
			return EXIT_BROKEN;
		}
		verb->act(argv + at + 1);
		at += 1 + verb->words;
	}
	return 0;
}
