/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Replaces the config of a bundle by one whose hooks are delegated to hookd. No state.
 *
 *	read --nothing to change--> (as it was)
 *	  `---> write another file beside it ---> rename that over it
 *
 * Whoever reads the config meanwhile has the old one or the new one. Nothing is synced to the disk:
 * the runtime reads the file in the same boot, and the container does not outlive that.
 */

#include "client/runtime/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/delegate/shim.h"
#include "client/runtime/attributes.h"
#include "proto/base/limits.h"
#include "proto/base/write_all.h"

#define TEMPORARY_SIZE 64

/* One config while it is replaced. */
struct replacing {
	char *reason; /* BUNDLE_REASON_SIZE */
	int folder;
	int old; /* the config */
	char name[NAME_MAX + 1];
	char temporary[TEMPORARY_SIZE];
	struct stat status;
	struct hp_buf text;
};

/* Returns r. */
static int __attribute__((format(printf, 3, 4)))
explain(struct replacing *replacing, int r, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(replacing->reason, BUNDLE_REASON_SIZE, format, arguments);
	va_end(arguments);
	return r;
}

/* ---- the old one ---- */

/* Opens the folder of the config, and finds the name in it. */
static int find(struct replacing *replacing, const struct bundle *bundle)
{
	const char *folder = bundle->folder != NULL ? bundle->folder : ".", *name = "config.json";
	char parent[PATH_MAX];

	/* crun takes other names from the working directory. */
	if (bundle->config != NULL && strcmp(bundle->config, name) != 0) {
		const char *slash = strrchr(bundle->config, '/');

		name = slash != NULL ? slash + 1 : bundle->config;
		snprintf(parent, sizeof(parent), "%.*s", (int)(name - bundle->config),
			 bundle->config);
		folder = slash != NULL ? parent : ".";
	}
	if (snprintf(replacing->name, sizeof(replacing->name), "%s", name) > NAME_MAX)
		return explain(replacing, -ENAMETOOLONG, "%s", strerror(ENAMETOOLONG));
	replacing->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (replacing->folder < 0)
		return explain(replacing, -errno, "%s", strerror(errno));
	return 0;
}

static int read_all(struct replacing *replacing, int fd)
{
	struct hp_buf *text = &replacing->text;
	size_t size = (size_t)replacing->status.st_size;
	ssize_t n = 1;

	while (n != 0) {
		char *room =
		    hp_buf_reserve(text, text->length < size ? size - text->length + 1 : 1);

		if (room == NULL)
			return -ENOMEM;
		n = read(fd, room, text->capacity - text->length);
		if (n < 0 && errno != EINTR)
			return -errno;
		text->length += n > 0 ? (size_t)n : 0;
		if (text->length > HP_MESSAGE_BYTES_MAX)
			return -EMSGSIZE;
	}
	return 0;
}

static int read_config(struct replacing *replacing)
{
	int fd = openat(replacing->folder, replacing->name,
			O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	int r = 0;

	replacing->old = fd;
	if (fd < 0)
		return explain(replacing, -errno, "%s",
			       errno == ELOOP ? "it is a symbolic link" : strerror(errno));
	if (fstat(fd, &replacing->status) < 0)
		r = explain(replacing, -errno, "%s", strerror(errno));
	else if (!S_ISREG(replacing->status.st_mode))
		r = explain(replacing, -EINVAL, "it is not a regular file");
	else if (replacing->status.st_size > HP_MESSAGE_BYTES_MAX)
		r = -EMSGSIZE;
	if (r == 0 && (r = read_all(replacing, fd)) < 0 && r != -EMSGSIZE)
		r = explain(replacing, r, "%s", strerror(-r));
	if (r == -EMSGSIZE)
		r = explain(replacing, r, "it is larger than %u bytes", HP_MESSAGE_BYTES_MAX);
	return r;
}

/* ---- the new one ---- */

/* A name that nobody else has; an old one of a process that was killed does not matter. */
static int create_temporary(struct replacing *replacing)
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != sizeof(number))
		number = (uint64_t)getpid();
	snprintf(replacing->temporary, sizeof(replacing->temporary),
		 ".config.json.hookd-%016" PRIx64, number);
	return openat(replacing->folder, replacing->temporary,
		      O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
}

/* Returns 0, or -errno with what is not like that of the old one. */
static int copy_attributes(struct replacing *replacing, int fd)
{
	char name[ATTRIBUTE_NAME_SIZE];
	int r = attributes_copy(replacing->old, fd, name);

	if (r < 0)
		return explain(replacing, r, "its attribute %s cannot be kept: %s", name,
			       strerror(-r));
	return 0;
}

/*
 * The owner before the mode, of which a change of the owner takes bits away; a list of the folder's
 * before both, since the mode is a part of it.
 */
static int fill(const struct replacing *replacing, int fd, const struct hp_buf *text)
{
	const struct stat *status = &replacing->status;
	int r = attributes_remove_list(fd);

	if (r == 0 && (fchown(fd, status->st_uid, status->st_gid) < 0 ||
		       fchmod(fd, status->st_mode & 07777) < 0))
		r = -errno;
	return r < 0 ? r : write_all(fd, text->data, text->length);
}

static int replace(struct replacing *replacing, const struct hp_buf *text)
{
	int fd = create_temporary(replacing), r;
	bool is_explained = false;

	if (fd < 0)
		return explain(replacing, -errno, "no other file can be written beside it: %s",
			       strerror(errno));
	r = fill(replacing, fd, text);
	if (r == 0) {
		r = copy_attributes(replacing, fd);
		is_explained = r < 0;
	}
	/* Some file systems tell only now that there is no room. */
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && renameat(replacing->folder, replacing->temporary, replacing->folder,
			       replacing->name) < 0)
		r = -errno;
	if (r == 0)
		return 0;
	(void)unlinkat(replacing->folder, replacing->temporary, 0);
	return is_explained ? r : explain(replacing, r, "it cannot be replaced: %s", strerror(-r));
}

static int rewrite(struct replacing *replacing, const struct delegate *terms)
{
	struct delegate delegate = *terms;
	const struct hp_buf *old = &replacing->text;
	struct hp_buf text = HP_BUF_INIT;
	struct hp_err err = {0};
	bool names_shim = false;
	int r;

	delegate.names_shim = &names_shim;
	r = delegate_config(old->data, old->length, &delegate, &text, &err);
	if (r < 0)
		r = explain(replacing, r, "%s%s%s", err.path, err.path[0] != '\0' ? ": " : "",
			    err.reason[0] != '\0' ? err.reason : strerror(-r));
	else if (names_shim && (r = shim_check(delegate.shim)) < 0)
		r = explain(replacing, r, "%s cannot be executed: %s", delegate.shim, strerror(-r));
	else if (text.length != old->length || memcmp(text.data, old->data, text.length) != 0)
		r = replace(replacing, &text);
	hp_buf_free(&text);
	return r;
}

int bundle_delegate(const struct bundle *bundle, const struct delegate *delegate,
		    char ret_reason[static BUNDLE_REASON_SIZE])
{
	struct replacing replacing = {
	    .reason = ret_reason, .folder = -1, .old = -1, .text = HP_BUF_INIT};
	int r = find(&replacing, bundle);

	if (r == 0)
		r = read_config(&replacing);
	if (r == 0)
		r = rewrite(&replacing, delegate);
	if (replacing.old >= 0)
		close(replacing.old);
	if (replacing.folder >= 0)
		close(replacing.folder);
	hp_buf_free(&replacing.text);
	return r;
}
