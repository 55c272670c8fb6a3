/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the process that has a socket, and names it. No state. */
#include "daemon/holder.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "daemon/base/log.h"

/*
 * SO_PEERCRED of a connection is the process that has called listen(2). It need not accept. 0: it
 * cannot be told.
 */
static pid_t find_holder(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct ucred credentials = {0};
	socklen_t length = sizeof(credentials);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return 0;
	memcpy(address.sun_path, path, strlen(path));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0)
		return 0;
	return credentials.pid;
}

/* False: it has ended, or is not visible in this pid namespace. */
static bool read_name(pid_t pid, char name[static 32])
{
	char path[32];
	FILE *file;
	bool is_read;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	is_read = fgets(name, 32, file);
	fclose(file);
	name[is_read ? strcspn(name, "\n") : 0] = '\0';
	return is_read && name[0];
}

void holder_describe(pid_t pid, char text[static HOLDER_SIZE])
{
	char name[32];

	if (pid > 0 && read_name(pid, name))
		snprintf(text, HOLDER_SIZE, "%s, pid %d", name, pid);
	else
		snprintf(text, HOLDER_SIZE, "another process");
}

/* systemd listens on it while hookd.socket is active. */
void holder_log_socket(const char *path, int r)
{
	pid_t pid = r == -EADDRINUSE ? find_holder(path) : 0;
	char holder[HOLDER_SIZE];
	struct stat st;

	holder_describe(pid, holder);
	if (r == -EADDRINUSE && lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
		log_error("cannot listen on %s: the file there is no socket; remove it, or choose "
			  "another --socket",
			  path);
	else if (r == -EADDRINUSE)
		log_error("%s is in use by %s: stop %s, or choose another --socket", path, holder,
			  strncmp(holder, "systemd,", 8) == 0 ? "hookd.socket" : "that one");
	else
		log_error("cannot listen on %s: %s", path, strerror(-r));
}
