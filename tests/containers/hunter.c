/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process of a container that tries to access the processes that hookd brings into the container.
 * It polls /proc for new ones as fast as it can, and writes what it has got to /tmp/NAME.report:
 *	hunter NAME      opens /running, polls until /tmp/NAME.stop exists, opens /running again and
 *	                 sleeps
 *
 *	seen PID NAME               a process of hookd that has not executed the hook yet
 *	hook PID                    a hook
 *	before-exec PID NAME WHAT   WHAT of such a process could be read or traced
 *	outside PID NAME PATH       a descriptor, cwd or root that leads out of the container
 *	capabilities PID NAME SET   a process with capabilities that the container does not have
 *	writable PID NAME PATH      a program of the host that could be opened for writing
 *
 * A process that has none of the hooks' names has not executed its hook. The name is read after the
 * access, so that an exec meanwhile is never taken for a process before it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000U
#endif

#define PIDS_MAX   4194304 /* proc(5), pid_max */
#define MOUNTS_MAX 256

/* The programs of hooks, as in /proc/PID/comm. */
static const char *const hook_names[] = {"spy", "exe-script", "exe.program"};

enum { SEEN_BEFORE = 1, SEEN_HOOK = 2, SEEN_AT_START = 4 };

static uint8_t seen[PIDS_MAX];
static FILE *report;
static uint64_t own_permitted;
static uint64_t mounts[MOUNTS_MAX];
static size_t mount_count;
static struct stat image_programs[3];

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void tell(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(report, format, args);
	va_end(args);
	fflush(report);
}

/* ---- processes ---- */

static bool read_file(int pid, const char *name, char *text, size_t size)
{
	char path[64];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? -1 : read(fd, text, size - 1);
	if (fd >= 0)
		close(fd);
	text[length > 0 ? length : 0] = '\0';
	return length > 0;
}

/* False: it has exited. */
static bool read_name(int pid, char name[static 32])
{
	if (!read_file(pid, "comm", name, 32))
		return false;
	name[strcspn(name, "\n")] = '\0';
	return true;
}

static bool is_hook(const char *name)
{
	for (size_t i = 0; i < sizeof(hook_names) / sizeof(hook_names[0]); i++) {
		if (strcmp(name, hook_names[i]) == 0)
			return true;
	}
	return false;
}

static uint64_t permitted_of(int pid)
{
	char text[4096], *line;

	if (!read_file(pid, "status", text, sizeof(text)))
		return 0;
	line = strstr(text, "\nCapPrm:");
	return line ? strtoull(line + strlen("\nCapPrm:"), NULL, 16) : 0;
}

/* ---- access to a process ---- */

static void got(int pid, const char *what)
{
	char name[32];

	if (read_name(pid, name) && !is_hook(name))
		tell("before-exec %d %s %s\n", pid, name, what);
}

static void try_trace(int pid)
{
	int status;

	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0)
		return;
	got(pid, "PTRACE_SEIZE");
	if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) == 0 &&
	    waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status))
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
}

static void try_files(int pid)
{
	static const char *const files[] = {"environ", "mem", "maps", "auxv"};
	static const char *const links[] = {"exe", "cwd", "root"};
	char path[64], target[4096];
	int fd;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, files[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		got(pid, files[i]);
		close(fd);
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, links[i]);
		if (readlink(path, target, sizeof(target)) >= 0)
			got(pid, links[i]);
		fd = open(path, O_PATH | O_CLOEXEC);
		if (fd < 0)
			continue;
		got(pid, links[i]);
		close(fd);
	}
}

/* ---- where a file is ---- */

/* The mount ids (statx(2)) below this process's root. */
static void read_mounts(void)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[4096];

	while (file && mount_count < MOUNTS_MAX && fgets(line, sizeof(line), file))
		mounts[mount_count++] = strtoull(line, NULL, 10);
	if (file)
		fclose(file);
}

static bool is_inside(int fd)
{
	struct statx state;
	mode_t type;

	if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_MNT_ID, &state) < 0)
		return true;
	type = state.stx_mode & S_IFMT;
	if (type == S_IFIFO || type == S_IFSOCK || type == 0)
		return true; /* pipe, socket, anonymous inode */
	if (type == S_IFCHR && state.stx_rdev_major == 1 && state.stx_rdev_minor == 3)
		return true; /* /dev/null leads nowhere */
	for (size_t i = 0; i < mount_count; i++) {
		if (mounts[i] == state.stx_mnt_id)
			return true;
	}
	return false;
}

static bool is_anonymous(const char *target)
{
	return strncmp(target, "/memfd:", 7) == 0 || strncmp(target, "anon_inode:", 11) == 0 ||
	       strncmp(target, "pidfd:", 6) == 0;
}

static void follow(int pid, const char *link)
{
	char path[300], target[4096] = "", name[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, link);
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return;
	got(pid, link);
	/*
	 * By this process's descriptor: that of the other process may refer to another file by now.
	 */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (readlink(path, target, sizeof(target) - 1) > 0 && !is_anonymous(target) &&
	    !is_inside(fd)) {
		(void)read_name(pid, name);
		tell("outside %d %s %s -> %s\n", pid, name, link, target);
	}
	close(fd);
}

/* Numbers of descriptors can be listed without access to the files. */
static void follow_all(int pid)
{
	char path[64], link[280];
	struct dirent *entry;
	DIR *directory;

	follow(pid, "cwd");
	follow(pid, "root");
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		snprintf(link, sizeof(link), "fd/%s", entry->d_name);
		if (entry->d_name[0] != '.')
			follow(pid, link);
	}
	if (directory)
		closedir(directory);
}

/* ---- its program ---- */

static bool is_of_image(const struct stat *state)
{
	for (size_t i = 0; i < sizeof(image_programs) / sizeof(image_programs[0]); i++) {
		if (state->st_dev == image_programs[i].st_dev &&
		    state->st_ino == image_programs[i].st_ino)
			return true;
	}
	return false;
}

/*
 * Like CVE-2019-5736: opens the program with O_PATH while it runs, and for writing once it does
 * not. Nothing is written. A memfd is skipped: it can be opened, but hookd's are sealed against
 * writing.
 */
static void try_overwrite(int pid)
{
	char path[64], target[4096] = "", name[32] = "";
	struct stat state;
	int fd, written;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)read_name(pid, name);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	(void)!readlink(path, target, sizeof(target) - 1);
	if (fstat(fd, &state) == 0 && !is_of_image(&state) && !is_anonymous(target)) {
		for (int i = 0; i < 100; i++) {
			written = open(path, O_WRONLY | O_CLOEXEC);
			if (written >= 0 || errno != ETXTBSY)
				break;
			usleep(100);
		}
		if (written >= 0) {
			tell("writable %d %s %s\n", pid, name, target);
			close(written);
		}
	}
	close(fd);
}

/* ---- the hunt ---- */

static void look_at(int pid)
{
	uint64_t permitted = permitted_of(pid);
	char name[32];

	if (!read_name(pid, name))
		return;
	if (permitted & ~own_permitted)
		tell("capabilities %d %s %llx\n", pid, name, (unsigned long long)permitted);
	if (is_hook(name)) {
		if (!(seen[pid] & SEEN_HOOK))
			tell("hook %d\n", pid);
		seen[pid] |= SEEN_HOOK;
		return;
	}
	if (!(seen[pid] & SEEN_BEFORE))
		tell("seen %d %s\n", pid, name);
	seen[pid] |= SEEN_BEFORE;
	try_files(pid);
	follow_all(pid);
	try_overwrite(pid);
	try_trace(pid);
}

static void scan(bool is_start)
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;

	while (directory && (entry = readdir(directory))) {
		int pid = atoi(entry->d_name);

		if (pid <= 0 || pid >= PIDS_MAX || pid == getpid())
			continue;
		if (is_start)
			seen[pid] = SEEN_AT_START;
		else if (!(seen[pid] & SEEN_AT_START))
			look_at(pid);
	}
	if (directory)
		closedir(directory);
	while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
		continue;
}

int main(int argc, char **argv)
{
	char path[256], stop[256];

	if (argc < 2)
		return 120;
	snprintf(path, sizeof(path), "/tmp/%s.report", argv[1]);
	snprintf(stop, sizeof(stop), "/tmp/%s.stop", argv[1]);
	report = fopen(path, "we");
	if (!report || stat("/spy", &image_programs[0]) < 0 ||
	    stat("/hunter", &image_programs[1]) < 0 || stat("/bin/busybox", &image_programs[2]) < 0)
		return 120;
	own_permitted = permitted_of(getpid());
	read_mounts();
	scan(true);
	if (close(open("/running", O_WRONLY | O_CLOEXEC)) < 0)
		return 120;
	while (access(stop, F_OK) < 0)
		scan(false);
	if (close(open("/running", O_WRONLY | O_CLOEXEC)) < 0)
		return 120;
	for (;;)
		pause();
}
