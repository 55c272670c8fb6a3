/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Makes the corpora of the fuzz targets from tests/data: make_corpus DATA CORPUS. Each request
 * there is an input of "json" and "request"; its settings are one of "settings", and the request as
 * a call, followed by a NUL, one of "framing". For each there is a result for "result" and
 * "applied".
 */

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proto/messages/applied.h"
#include "proto/messages/messages.h"
#include "proto/messages/result.h"

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct hp_buf read_file(const char *path)
{
	struct hp_buf buf = HP_BUF_INIT;
	FILE *file = fopen(path, "r");
	size_t count;

	if (!file)
		die(path);
	do {
		char *room = hp_buf_reserve(&buf, 4096);

		if (!room)
			die(path);
		count = fread(room, 1, 4096, file);
		buf.length += count;
	} while (count > 0);
	fclose(file);
	return buf;
}

static void write_file(const char *corpus, const char *target, const char *name,
		       const struct hp_buf *buf)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s/%s", corpus, target, name);
	file = fopen(path, "w");
	if (!file || fwrite(buf->data, 1, buf->length, file) != buf->length || fclose(file) != 0)
		die(path);
}

/* The size of a read, then two calls. */
static void write_framing(const char *corpus, const char *name, const struct hp_buf *text)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json_writer writer;

	hp_buf_append(&buf, "\xff", 1);
	hp_buf_append(&buf, "{\"method\":\"io.hookd.hooks.Run\",\"parameters\":", 45);
	hp_buf_append(&buf, text->data, text->length);
	hp_buf_append(&buf, ",\"more\":true}", 14);
	writer = hp_call_begin(&buf, "org.varlink.service.GetInfo", false, true);
	hp_call_end(&writer);
	write_file(corpus, "framing", name, &buf);
	hp_buf_free(&buf);
}

static void write_result(const char *corpus, char *name, int number)
{
	struct hp_hook_result hook = {
	    .path = name,
	    .outcome = (enum hp_hook_outcome)(number % HP_HOOK_OUTCOME_COUNT),
	    .signal = number % 64 + 1,
	    .failed_errno = number + 1,
	    .failed_step = name,
	    .error = name,
	    .pid = number,
	    .oom_killed = number % 3 - 1,
	    .output = {{name, strlen(name), strlen(name)}, {name, strlen(name) + 1, 1000}},
	};
	struct hp_run_result result = {
	    .run = name,
	    .container = name,
	    .stage = (enum hp_stage)(number % HP_STAGE_COUNT),
	    .outcome = (enum hp_run_outcome)(number % HP_RUN_OUTCOME_COUNT),
	    .error = number % 2 ? name : NULL,
	    .hooks = &hook,
	    .hook_count = 1,
	};
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&buf);

	hp_run_result_write(&writer, &result);
	write_file(corpus, "result", name, &buf);
	hp_buf_free(&buf);
}

static void write_applied(const char *corpus, char *name, int number)
{
	struct hp_applied applied = {
	    .cgroup_path = number & 1 ? name : NULL,
	    .cgroup_created = number & 2,
	    .rdt_group = number & 2 ? name : NULL,
	    .rdt_created = number & 4,
	    .schemata = number & 4 ? (char *[]){name, name, NULL} : NULL,
	    .process = number & 8 ? (char *[]){name, NULL} : NULL,
	    .ignored = number & 1 ? (char *[]){NULL} : NULL,
	};
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&buf);

	hp_applied_write(&writer, &applied);
	write_file(corpus, "applied", name, &buf);
	hp_buf_free(&buf);
}

static void write_settings(const char *corpus, const char *name, const struct hp_buf *text)
{
	struct hp_json json = {0};
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json_value settings = {0};
	struct hp_err err;

	if (hp_json_parse(&json, text->data, text->length, &err) == 0)
		settings = hp_json_member(hp_json_root(&json), "settings");
	if (!hp_json_is_absent(settings)) {
		size_t length;
		const char *span = hp_json_text(settings, &length);

		hp_buf_append(&buf, span, length);
		write_file(corpus, "settings", name, &buf);
	}
	hp_buf_free(&buf);
	hp_json_free(&json);
}

static void make_folder(const char *corpus, const char *target)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", corpus, target);
	if (mkdir(path, 0777) < 0 && errno != EEXIST)
		die(path);
}

static void take_folder(const char *data, const char *folder, const char *corpus)
{
	char path[4096];
	struct dirent *entry;
	int number = 0;
	DIR *directory;

	snprintf(path, sizeof(path), "%s/%s", data, folder);
	directory = opendir(path);
	if (!directory)
		die(path);
	while ((entry = readdir(directory))) {
		struct hp_buf text;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", data, folder, entry->d_name);
		text = read_file(path);
		write_file(corpus, "json", entry->d_name, &text);
		write_file(corpus, "request", entry->d_name, &text);
		write_framing(corpus, entry->d_name, &text);
		write_applied(corpus, entry->d_name, number);
		write_result(corpus, entry->d_name, number++);
		write_settings(corpus, entry->d_name, &text);
		hp_buf_free(&text);
	}
	closedir(directory);
}

int main(int argc, char **argv)
{
	static const char *const targets[] = {"applied", "framing", "json",
					      "request", "result",  "settings"};

	if (argc != 3) {
		fprintf(stderr, "usage: %s DATA CORPUS\n", argv[0]);
		return 1;
	}
	if (mkdir(argv[2], 0777) < 0 && errno != EEXIST)
		die(argv[2]);
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		make_folder(argv[2], targets[i]);
	take_folder(argv[1], "ok", argv[2]);
	take_folder(argv[1], "bad", argv[2]);
	take_folder(argv[1], "no_parameter", argv[2]);
	return 0;
}
