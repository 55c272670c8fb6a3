/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Delegates the files of one or more hooks.d. Nothing is written unless all can be: with half of
 * them an engine would run the other half past hookd, or not at all.
 */

#include "client/hookctl/hooks_d/delegate_directory.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "client/hookctl/hooks_d/delegate_file.h"
#include "client/hookctl/hooks_d/delegated_write.h"
#include "client/hookctl/hooks_d/files.h"
#include "proto/json/json_writer.h"

struct conversion {
	struct ctl *ctl;
	struct delegate_file how;
	struct hooks_d_files files;
	struct delegated_list delegated;
	const char *current; /* the path of the file that is rewritten */
};

static void on_left(const char *stage, const char *why, void *userdata)
{
	const struct conversion *conversion = userdata;

	if (stage != NULL)
		ctl_error("%s: %s is not delegated and stays as it is: %s", conversion->current,
			  stage, why);
	else
		ctl_error("%s: is not delegated and stays as it is: %s", conversion->current, why);
}

static int fail_file(const struct conversion *conversion, const struct document *document, int r,
		     const struct hp_err *err)
{
	char text[DOCUMENT_ERROR_SIZE];

	document_print_error(document, conversion->current, r, err, text);
	return ctl_usage("%s", text);
}

/* podman leaves out such a hook, and hookd would fail. */
static bool is_missing(const char *program)
{
	struct stat status;

	return stat(program, &status) < 0 && (errno == ENOENT || errno == ENOTDIR);
}

static int convert_read(struct conversion *conversion, const struct delegate_source *source,
			struct hp_err *err)
{
	const struct hp_hook *hook = &source->hooks_d->hook;

	if (!delegate_file_has_made(hook) && is_missing(hook->path)) {
		on_left(NULL, "its program does not exist on this machine", conversion);
		return delegate_file_copy(source, &conversion->delegated, err);
	}
	return delegate_file(&conversion->how, source, &conversion->delegated, err);
}

/* 0, or an exit status after a message. */
static int convert(struct conversion *conversion, size_t index)
{
	const struct hooks_d_file *file = &conversion->files.list[index];
	struct document document = {0};
	struct hooks_d hooks_d = {0};
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_err err = {0};
	struct stat status;
	struct delegate_source source = {
	    .name = file->name, .document = &document, .hooks_d = &hooks_d, .index = index};
	int r;

	conversion->current = file->path;
	r = hp_json_is_text(file->name, strlen(file->name))
		? 0
		: hp_err_invalid(&err, NULL, "its name is not UTF-8");
	if (r == 0 && stat(file->path, &status) < 0)
		r = -errno;
	if (r == 0)
		r = document_read(&document, file->path, &err);
	if (r == 0)
		r = hooks_d_read(hp_json_root(&document.json), &arena, &hooks_d, &err);
	if (r == 0) {
		source.mode = status.st_mode & 0666;
		r = convert_read(conversion, &source, &err);
	}
	if (r < 0)
		r = fail_file(conversion, &document, r, &err);
	hp_arena_free(&arena);
	document_free(&document);
	return r;
}

static int convert_all(struct conversion *conversion)
{
	struct hp_err err = {0};
	int exit_status = 0;

	for (size_t i = 0; i < conversion->files.count; i++) {
		int r = conversion->files.list[i].replaced_by == NULL ? convert(conversion, i) : 0;

		exit_status = r != 0 ? r : exit_status;
	}
	if (exit_status == 0 && delegated_sort(&conversion->delegated, &err) < 0)
		exit_status = ctl_usage("%s", err.reason);
	return exit_status;
}

/* There the next call would take the new files for old ones. */
static int check_output(const struct ctl *ctl, const char *output)
{
	struct stat there, status;

	if (stat(output, &there) < 0)
		return 0;
	for (size_t i = 0; i < ctl->options.hooks_dir_count; i++)
		if (stat(ctl->options.hooks_dirs[i], &status) == 0 &&
		    status.st_dev == there.st_dev && status.st_ino == there.st_ino)
			return ctl_usage("--output=%s: is also a --hooks-dir", output);
	return 0;
}

static int find_files(struct conversion *conversion)
{
	const struct ctl_options *options = &conversion->ctl->options;
	const char *directory;
	int r = hooks_d_files_find(options->hooks_dirs, options->hooks_dir_count,
				   &conversion->files, &directory);

	if (r < 0 && directory != NULL)
		return ctl_usage("--hooks-dir=%s: %s", directory, strerror(-r));
	return r < 0 ? ctl_usage("%s", strerror(-r)) : 0;
}

int delegate_directory(struct ctl *ctl, const struct delegate *delegate)
{
	const char *output = ctl_option(ctl, OPTION_OUTPUT_DIR);
	struct conversion conversion = {.ctl = ctl};
	int r;

	if (output == NULL)
		return ctl_usage("--hooks-dir: needs --output=DIR");
	if (ctl->options.hooks_dir_count == 0)
		return ctl_usage("--output: needs --hooks-dir=DIR");
	conversion.how = (struct delegate_file){delegate, on_left, &conversion};
	r = check_output(ctl, output);
	if (r == 0)
		r = find_files(&conversion);
	if (r == 0)
		r = convert_all(&conversion);
	if (r == 0)
		r = delegated_write(ctl, output, &conversion.delegated);
	delegated_list_free(&conversion.delegated);
	hooks_d_files_free(&conversion.files);
	return r;
}
