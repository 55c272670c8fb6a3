/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Runs a command under a seccomp profile that hookd compiles:
 *
 *	cc seccomp.c -o under $(pkg-config --cflags --libs libhookd)
 *	./under profile.json ls
 *
 * The filter has to let execve(2) through, since it holds for that call already.
 */

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <hookd.h>

/* A file of up to 1 MiB as a string. */
static char *read_file(const char *path)
{
	const size_t size = 1 << 20;
	FILE *file = fopen(path, "r");
	char *text = file ? calloc(1, size) : NULL;

	if (text && fread(text, 1, size - 1, file) == 0) {
		free(text);
		text = NULL;
	}
	if (file)
		fclose(file);
	return text;
}

/* seccomp(2) has no function in the C library. */
static int install(const struct hookd_seccomp *seccomp)
{
	struct sock_fprog program = {
	    .len = seccomp->count,
	    .filter = (struct sock_filter *)seccomp->filter,
	};

	/*
	 * Who could give a filter to a set-user-id program could make it fail as it likes: without
	 * CAP_SYS_ADMIN, there must be no such programs any more.
	 */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, seccomp->flags, &program);
}

int main(int argc, char **argv)
{
	const struct hookd_seccomp *seccomp;
	struct hookd_client *client;
	struct hookd_reply *reply;
	char *profile;

	if (argc < 3) {
		fprintf(stderr, "usage: %s PROFILE COMMAND [ARGUMENT...]\n", argv[0]);
		return 2;
	}
	profile = read_file(argv[1]);
	if (!profile) {
		perror(argv[1]);
		return 2;
	}
	if (hookd_client_new(NULL, &client) < 0)
		return 1;
	if (hookd_compile_seccomp(client, profile, "oci", &reply) < 0) {
		fprintf(stderr, "%s\n", hookd_client_error(client));
		return 1;
	}
	seccomp = hookd_reply_seccomp(reply);
	for (const char *const *name = seccomp->unknown_syscalls; *name; name++)
		fprintf(stderr, "%s: no such system call here\n", *name);
	if (seccomp->needs_listener) {
		fprintf(stderr, "nobody is here to answer for SCMP_ACT_NOTIFY\n");
		return 1;
	}
	if (install(seccomp) < 0) {
		perror("seccomp");
		return 1;
	}
	hookd_reply_free(reply);
	hookd_client_free(client);
	free(profile);
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
