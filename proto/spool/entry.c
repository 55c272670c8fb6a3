/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The names and the format of the spool's files. Pure.
 *
 *	hookd-spool 2 CHECKSUM 123456789 BOOT-ID mnt:[4026531841] ... root:[fe00:2]
 *	{"method":"io.hookd.hooks.Run","parameters":{...}}NUL
 *
 * The call is not nested in other JSON, so that a request of any size and depth that hookd accepts
 * can be read back under the same bounds.
 */

#include "proto/spool/spool.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC	    "hookd-spool 2 "
#define SEAL_DIGITS 16
#define SEAL_SIZE   (sizeof(MAGIC) - 1 + SEAL_DIGITS + 1) /* with the blank after the checksum */
#define PART_PREFIX ".part-"
#define TIME_DIGITS 20 /* of 2^64 - 1 */

void hp_spool_name(uint64_t boottime_ns, const char *id, char ret_name[static HP_SPOOL_NAME_SIZE])
{
	(void)snprintf(ret_name, HP_SPOOL_NAME_SIZE, "%0*llu-%s", TIME_DIGITS,
		       (unsigned long long)boottime_ns, id);
}

bool hp_spool_is_name(const char *name)
{
	return strspn(name, "0123456789") == TIME_DIGITS && name[TIME_DIGITS] == '-' &&
	       name[TIME_DIGITS + 1] && !strchr(name, '.');
}

bool hp_spool_is_part(const char *name)
{
	return strncmp(name, PART_PREFIX, strlen(PART_PREFIX)) == 0;
}

void hp_spool_part_name(const char *name, char ret_part[static HP_SPOOL_NAME_SIZE])
{
	(void)snprintf(ret_part, HP_SPOOL_NAME_SIZE, PART_PREFIX "%s", name);
}

/*
 * FNV-1a: against damage, not against people. A library for it would be in the shim, which is
 * static and has none. A change of one byte always changes the sum.
 */
static void make_seal(const char *text, size_t length, char ret_seal[static SEAL_DIGITS + 1])
{
	uint64_t sum = 0xcbf29ce484222325;

	for (size_t i = SEAL_SIZE; i < length; i++)
		sum = (sum ^ (unsigned char)text[i]) * 0x100000001b3;
	(void)snprintf(ret_seal, SEAL_DIGITS + 1, "%0*llx", SEAL_DIGITS, (unsigned long long)sum);
}

void hp_spool_seal(char *text, size_t length)
{
	char seal[SEAL_DIGITS + 1];

	assert(length >= SEAL_SIZE);
	make_seal(text, length, seal);
	memcpy(text + strlen(MAGIC), seal, SEAL_DIGITS);
}

static bool is_sealed(const char *text, size_t length)
{
	char seal[SEAL_DIGITS + 1];

	make_seal(text, length, seal);
	return memcmp(text + strlen(MAGIC), seal, SEAL_DIGITS) == 0;
}

void hp_spool_write(struct hp_buf *buf, const struct hp_spool_head *head,
		    const struct hp_request_draft *draft)
{
	const size_t start = buf->length;
	char line[96];
	int length = snprintf(line, sizeof(line), MAGIC "%0*d %llu ", SEAL_DIGITS, 0,
			      (unsigned long long)head->left_ns);

	hp_buf_append(buf, line, (size_t)length);
	hp_spool_view_write(buf, &head->view);
	hp_request_write(buf, draft, false, false);
	if (!buf->failed)
		hp_spool_seal(buf->data + start, buf->length - start);
}

static int read_head(const char *line, size_t length, struct hp_spool_head *ret_head)
{
	const char *number = line + SEAL_SIZE;
	char *end;

	/* The line ends with a newline, which ends the number in any case. */
	if (length < SEAL_SIZE || memcmp(line, MAGIC, strlen(MAGIC)) != 0 || number[-1] != ' ')
		return -EBADMSG;
	errno = 0;
	ret_head->left_ns = strtoull(number, &end, 10);
	if (errno != 0 || end == number || *end != ' ')
		return -EBADMSG;
	end++;
	return hp_spool_view_parse(end, length - (size_t)(end - line), &ret_head->view);
}

static int find_call(const char *text, size_t length, struct hp_spool_head *ret_head,
		     const char **ret_call, size_t *ret_length)
{
	const char *newline = length ? memchr(text, '\n', length) : NULL;
	const char *call = newline ? newline + 1 : NULL, *nul;

	if (!newline || read_head(text, (size_t)(newline - text), ret_head) < 0)
		return -EBADMSG;
	nul = memchr(call, '\0', length - (size_t)(call - text));
	if (!nul || nul + 1 != text + length || (size_t)(nul - call) > HP_MESSAGE_BYTES_MAX)
		return -EBADMSG;
	*ret_call = call;
	*ret_length = (size_t)(nul - call);
	return 0;
}

/* What the shim does not write would need more than hookd can know of the process that left it. */
static int check_request(const struct hp_request *request, struct hp_err *err)
{
	if (request->stage != HP_STAGE_POSTSTOP)
		return hp_err_invalid(err, "stage", "must be poststop");
	if (request->settings)
		return hp_err_invalid(err, "settings", "must be absent");
	if (request->namespaces != HP_NAMESPACES_AUTO)
		return hp_err_invalid(err, "namespaces", "must be auto");
	if (!request->request_id)
		return hp_err_invalid(err, "requestId", "is required");
	return 0;
}

int hp_spool_read(const char *text, size_t length, struct hp_json *json,
		  struct hp_spool_head *ret_head, struct hp_request *ret_request,
		  struct hp_err *err)
{
	struct hp_call call;
	const char *message;
	size_t message_length;
	int r;

	*ret_request = (struct hp_request){0};
	if (find_call(text, length, ret_head, &message, &message_length) < 0)
		return hp_err_invalid(err, NULL, "is not a whole request of this version");
	if (!is_sealed(text, length))
		return hp_err_invalid(err, NULL, "is damaged: its checksum is another one");
	r = hp_json_parse(json, message, message_length, err);
	if (r == 0)
		r = hp_call_read(json, &call, err);
	if (r == 0 && strcmp(call.method, HP_METHOD_RUN) != 0)
		r = hp_err_invalid(err, NULL, "is not a call of Run");
	if (r == 0)
		r = hp_request_read(call.parameters, ret_request, err);
	if (r == 0)
		r = check_request(ret_request, err);
	if (r < 0)
		hp_request_free(ret_request);
	return r;
}
