/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends many runs over one connection, for tests that make thousands: each line of stdin is the
 * parameters of io.hookd.hooks.Run, and each line of stdout is the result: the parameters of the
 * reply, or {"error": NAME, "parameter": FIELD, "sentence": TEXT}.
 *	ask unix:PATH
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/libhookd/hookd.h"
#include "proto/json/json_writer.h"

static int on_reply(const char *parameters, bool continues, void *userdata)
{
	(void)continues, (void)userdata;
	puts(parameters);
	return 0;
}

static void print_error(const struct hookd_client *client)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&buf);

	hp_json_begin(&writer, '{');
	hp_json_key(&writer, "error");
	hp_json_put_string(&writer, hookd_client_error_name(client));
	hp_json_key(&writer, "parameter");
	hp_json_put_string(&writer, hookd_client_error_parameter(client));
	hp_json_key(&writer, "sentence");
	hp_json_put_string(&writer, hookd_client_error(client));
	hp_json_end(&writer, '}');
	printf("%.*s\n", (int)buf.length, buf.data);
	hp_buf_free(&buf);
}

int main(int argc, char **argv)
{
	struct hookd_client *client;
	char *line = NULL;
	size_t size = 0;

	if (argc != 2 || hookd_client_new(argv[1], &client) < 0)
		return 2;
	while (getline(&line, &size, stdin) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (hookd_call(client, "io.hookd.hooks.Run", line, false, on_reply, NULL) < 0)
			print_error(client);
	}
	free(line);
	hookd_client_free(client);
	return fflush(stdout) == 0 ? 0 : 1;
}
