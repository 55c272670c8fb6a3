/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a connection receives: a stream that arrives in reads of any size becomes messages. Each is
 * parsed and its envelope is read, as a call and as a reply. The first byte is the size of reads.
 */

#include <string.h>

#include "proto/base/limits.h"
#include "proto/messages/messages.h"
#include "tests/fuzz/fuzz.h"

static struct hp_json json;

static void read_message(const char *frame, size_t length)
{
	struct hp_call call = {0};
	struct hp_reply reply = {0};
	struct hp_err err;

	if (hp_json_parse(&json, frame, length, &err) < 0) {
		must(err.reason[0] != '\0', "a refused text has a reason");
		return;
	}
	if (hp_call_read(&json, &call, &err) == 0) {
		must(call.method[0] != '\0', "a call has a method");
		must(call.more + call.oneway + call.upgrade <= 1, "flags exclude each other");
	} else {
		must(err.code == HP_ERR_PROTOCOL, "a wrong envelope ends the connection");
	}
	if (hp_reply_read(&json, &reply, &err) == 0)
		must(!(reply.error[0] && reply.continues), "an error is the last reply");
}

/* Takes all complete messages; each must equal the bytes of the stream up to a NUL. */
static void take_messages(struct hp_inbox *inbox, const char **expected, const char *end)
{
	const char *frame;
	size_t length;
	int r;

	while ((r = hp_inbox_next(inbox, &frame, &length)) > 0) {
		const char *nul = memchr(*expected, '\0', (size_t)(end - *expected));

		must(nul && (size_t)(nul - *expected) == length, "a message ends at its NUL");
		must(memcmp(frame, *expected, length) == 0, "a message is what was sent");
		*expected = nul + 1;
		read_message(frame, length);
	}
	must(r == 0, "a short message is not too long");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hp_inbox inbox = {0};
	const char *stream = (const char *)data + 1, *end, *at, *expected;
	size_t piece;

	if (size < 1)
		return 0;
	end = (const char *)data + size;
	piece = data[0] ? data[0] : 1;
	expected = stream;
	for (at = stream; at < end;) {
		size_t room_size, part = (size_t)(end - at) < piece ? (size_t)(end - at) : piece;
		char *room = hp_inbox_reserve(&inbox, &room_size);

		must(room && room_size > 0, "there is room for a byte");
		if (part > room_size)
			part = room_size;
		memcpy(room, at, part);
		hp_inbox_commit(&inbox, part);
		at += part;
		take_messages(&inbox, &expected, at);
		must(hp_inbox_is_empty(&inbox) == (expected == at),
		     "the inbox knows what it holds");
	}
	hp_inbox_free(&inbox);
	return 0;
}
