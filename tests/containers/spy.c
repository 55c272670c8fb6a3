/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hook of test_escape.sh, and the process of its passive containers. Linked statically, so that
 * it runs in any root directory. It prints what it has found:
 *	spy look DIRECTORY PID MARKER        tries to read files in DIRECTORY of the host, and to
 *	                                     create MARKER there; PID is a process of the host
 *	spy look-here DIRECTORY PID MARKER   the same, only from its working directory
 *	spy rights                           prints its ids and capabilities
 *	spy true                             nothing
 *	spy wait NAME                        writes that to /tmp/NAME.rights, opens /running and
 *	                                     sleeps
 *	spy drop NAME                        the same without any capability but CAP_KILL
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PARENTS_MAX 16
#define FDS_MAX	    20

/* ---- searching the host's files ---- */

static const char *directory, *pid, *marker;

static void print_file(const char *path)
{
	char text[256];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (length > 0)
		printf("READ %s: %.*s\n", path, (int)length, text);
	if (fd >= 0)
		close(fd);
}

static void create_file(const char *path)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0)
		return;
	printf("CREATED %s\n", path);
	close(fd);
}

/* As if `prefix` were the root directory of the host. */
static void try_root(const char *prefix)
{
	static const char *const names[] = {"secret", "note"};
	char path[4096];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s%s/%s", prefix, directory + 1, names[i]);
		print_file(path);
	}
	snprintf(path, sizeof(path), "%s%s/%s", prefix, directory + 1, marker);
	create_file(path);
}

/* getcwd(2) returns "(unreachable)" for a directory that is not below the root. */
static void print_cwd(void)
{
	char path[4096] = "";

	if (syscall(SYS_getcwd, path, sizeof(path)) < 0)
		snprintf(path, sizeof(path), "(unreachable) %s", strerror(errno));
	printf("%s %s\n", path[0] == '/' ? "cwd" : "OUTSIDE", path);
}

/* From the working directory, which may be the host's /proc, and from each of its parents. */
static void look_here(void)
{
	char prefix[3 * PARENTS_MAX + 64] = "";

	print_cwd();
	print_file("secret");
	print_file("note");
	create_file(marker);
	for (int i = 0; i <= PARENTS_MAX; i++) {
		try_root(prefix);
		strcat(prefix, "../");
	}
	try_root("1/root/");
	try_root("self/root/");
	snprintf(prefix, sizeof(prefix), "%s/root/", pid);
	try_root(prefix);
}

/* From the links in /proc of processes, and from inherited descriptors. */
static void look_around(void)
{
	char prefix[64];

	try_root("/");
	try_root("/proc/1/root/");
	snprintf(prefix, sizeof(prefix), "/proc/%s/root/", pid);
	try_root(prefix);
	for (int fd = 0; fd <= FDS_MAX; fd++) {
		snprintf(prefix, sizeof(prefix), "/proc/self/fd/%d/", fd);
		try_root(prefix);
		snprintf(prefix, sizeof(prefix), "/proc/self/fd/%d/%s/root/", fd, pid);
		try_root(prefix);
	}
}

/* ---- privileges ---- */

static void print_rights(FILE *to)
{
	static const char *const names[] = {"Uid:", "Gid:", "Groups:", "Cap", "NoNewPrivs:"};
	FILE *status = fopen("/proc/self/status", "re");
	char line[1024];

	while (status && fgets(line, sizeof(line), status)) {
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			if (strncmp(line, names[i], strlen(names[i])) == 0)
				fputs(line, to);
		}
	}
	if (status)
		fclose(status);
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
	    {.permitted = 1 << CAP_KILL, .effective = 1 << CAP_KILL}};

	return (int)syscall(SYS_capset, &header, data);
}

static int wait_for_the_end(const char *name)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "/tmp/%s.rights", name);
	file = fopen(path, "we");
	if (!file)
		return 1;
	print_rights(file);
	fclose(file);
	if (close(open("/running", O_WRONLY | O_CLOEXEC)) < 0)
		return 1;
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strncmp(verb, "look", 4) == 0 && argc > 4) {
		directory = argv[2];
		pid = argv[3];
		marker = argv[4];
		look_here();
		if (strcmp(verb, "look") == 0)
			look_around();
		return 0;
	}
	if (strcmp(verb, "rights") == 0) {
		print_rights(stdout);
		return 0;
	}
	if (strcmp(verb, "wait") == 0 && argc > 2)
		return wait_for_the_end(argv[2]);
	if (strcmp(verb, "drop") == 0 && argc > 2)
		return drop_capabilities() < 0 ? 1 : wait_for_the_end(argv[2]);
	return strcmp(verb, "true") == 0 ? 0 : 120;
}
