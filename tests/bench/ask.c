/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to hookd through libhookd, like those of a runtime: with a full state, args and env. A
 * run that fails is an error, else the benchmark would measure the speed of failures.
 */
#include "tests/bench/ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOOK "{\"path\":\"%s\",\"args\":[\"%s\"],\"env\":[\"PATH=/usr/sbin:/usr/bin:/sbin:/bin\"]}"

char *ask_state(unsigned int number)
{
	char *state;
	int r = asprintf(&state,
			 "{\"ociVersion\":\"1.0.2\",\"id\":\"bench-%u\",\"status\":\"creating\","
			 "\"pid\":0,\"bundle\":\"/\",\"annotations\":{"
			 "\"io.kubernetes.cri.container-name\":\"bench\","
			 "\"io.kubernetes.cri.container-type\":\"container\","
			 "\"io.kubernetes.cri.image-name\":\"docker.io/library/busybox:latest\","
			 "\"io.kubernetes.cri.sandbox-id\":"
			 "\"0f3c1d4d4bb8b9f7e0a8a2f3a9d9c8d3d4a5e6f708192a3b4c5d6e7f80910213\","
			 "\"io.kubernetes.cri.sandbox-name\":\"bench-pod\","
			 "\"io.kubernetes.cri.sandbox-namespace\":\"default\","
			 "\"org.opencontainers.image.ref.name\":\"latest\"}}",
			 number);

	return r < 0 ? NULL : state;
}

static char *write_hooks(const char *path, unsigned int count)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return NULL;
	fputs("{\"createRuntime\":[", stream);
	for (unsigned int i = 0; i < count; i++) {
		if (i > 0)
			fputc(',', stream);
		fprintf(stream, HOOK, path, path);
	}
	fputs("]}", stream);
	if (fclose(stream) == 0)
		return text;
	free(text);
	return NULL;
}

int asker_init(struct asker *asker, const char *address, const char *path, unsigned int count,
	       unsigned int number)
{
	int r;

	*asker = (struct asker){.state = ask_state(number), .hooks = write_hooks(path, count)};
	r = asker->state && asker->hooks ? hookd_client_new(address, &asker->client) : -ENOMEM;
	if (r < 0) {
		asker_clear(asker);
		return r;
	}
	asker->request = (struct hookd_run_request){
	    .size = sizeof(asker->request),
	    .stage = "createRuntime",
	    .state = asker->state,
	    .hooks = asker->hooks,
	};
	return 0;
}

void asker_clear(struct asker *asker)
{
	hookd_client_free(asker->client);
	free(asker->state);
	free(asker->hooks);
	*asker = (struct asker){0};
}

static int ignore_reply(const char *parameters, bool continues, void *userdata)
{
	(void)parameters, (void)continues, (void)userdata;
	return 0;
}

int asker_connect(struct asker *asker)
{
	return hookd_call(asker->client, "org.varlink.service.GetInfo", NULL, false, ignore_reply,
			  NULL);
}

int ask_check(const struct hookd_result *result)
{
	if (strcmp(hookd_result_outcome(result), "succeeded") == 0)
		return 0;
	fprintf(stderr, "hookd: %s: %s\n", hookd_result_outcome(result),
		hookd_result_error(result));
	return -ECHILD;
}

int asker_run(struct asker *asker)
{
	struct hookd_result *result;
	int r = hookd_run(asker->client, &asker->request, &result);

	if (r < 0) {
		fprintf(stderr, "hookd: %s\n", hookd_client_error(asker->client));
		return r;
	}
	r = ask_check(result);
	hookd_result_free(result);
	return r;
}
