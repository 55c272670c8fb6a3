/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The parser: one pass over a text, which checks it and leaves its tokens. json_value.c looks at
 * them afterwards.
 *
 * No recursion: the arrays and objects that are open stand in a stack of HP_JSON_DEPTH_MAX frames.
 * The text is read by one pointer that only goes forward:
 *
 *   element --scalar or empty container--> separator --comma--> element
 *      \--'[' or '{'--> element               \--bracket--> separator, or the end
 *
 * A key that an object has twice is found in linear time: each frame keeps 64 bits of which hashes
 * it has seen, so most keys need no comparison; few members are compared in turn, and many are
 * sorted by hash when the object closes.
 */

#include "proto/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/limits.h"
#include "proto/text.h"

/* Up to here comparing a key with all before it is cheaper than sorting them. */
#define COMPARE_MEMBERS_MAX 32

/* Enough for a usual request; doubled as needed. */
#define TOKENS_FIRST 128

struct frame {
	uint64_t seen;	/* bit n: a key's hash had n in its highest six bits */
	uint32_t token; /* of the array or object */
	bool is_object;
};

struct parser {
	const char *at;
	const char *end;
	struct hp_json *json;
	struct hp_err *err;
	unsigned int depth;
	struct frame frames[HP_JSON_DEPTH_MAX];
};

static int fail(struct parser *parser, const char *reason)
{
	return hp_err_invalid(parser->err, NULL, "not valid JSON at byte %zu: %s",
			      (size_t)(parser->at - parser->json->text), reason);
}

static int fail_bound(struct hp_err *err, const char *what, unsigned int bound)
{
	hp_err_invalid(err, NULL, "more than %u %s", bound, what);
	return -EMSGSIZE;
}

static int grow_tokens(struct parser *parser)
{
	struct hp_json *json = parser->json;
	uint32_t capacity = json->capacity ? json->capacity * 2 : TOKENS_FIRST;
	struct hp_json_token *tokens;

	if (json->count >= HP_JSON_TOKENS_MAX)
		return fail_bound(parser->err, "JSON values", HP_JSON_TOKENS_MAX);
	tokens = realloc(json->tokens, capacity * sizeof(*tokens));
	if (!tokens)
		return hp_err_no_memory(parser->err);
	json->tokens = tokens;
	json->capacity = capacity;
	return 0;
}

/* Adds the token of the text from `start` to where the parser is. */
static inline int add_token(struct parser *parser, enum hp_json_type type, const char *start)
{
	struct hp_json *json = parser->json;

	if (json->count == json->capacity) {
		int r = grow_tokens(parser);

		if (r < 0)
			return r;
	}
	json->tokens[json->count] = (struct hp_json_token){
	    .offset = (uint32_t)(start - json->text),
	    .length = (uint32_t)(parser->at - start),
	    .next = json->count + 1,
	    .type = (uint8_t)type,
	};
	json->count++;
	return 0;
}

static inline bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* The next byte that is no space, or '\0', which no text may hold, at the end. */
static inline char next_byte(struct parser *parser)
{
	while (parser->at < parser->end && is_space(*parser->at))
		parser->at++;
	return parser->at < parser->end ? *parser->at : '\0';
}

/* ---- scalars ---- */

/* Goes over what ends a plain run inside a string, other than its closing quote. */
static int pass_special(struct parser *parser, bool *is_escaped)
{
	const char *at = parser->at;
	size_t length;

	if (at == parser->end)
		return fail(parser, "a string without its end");
	if ((unsigned char)*at < 0x20)
		return fail(parser, "a control character in a string");
	if (*at == '\\') {
		length = hp_text_escape(at, parser->end);
		*is_escaped = true;
	} else {
		length = hp_text_sequence(at, parser->end);
	}
	if (length == 0)
		return fail(parser, *at == '\\' ? "no such escape" : "invalid UTF-8");
	parser->at = at + length;
	return 0;
}

static int parse_string(struct parser *parser)
{
	const char *start = parser->at++;
	bool is_escaped = false;
	int r;

	for (;;) {
		parser->at = hp_text_skip_plain(parser->at, parser->end);
		if (parser->at < parser->end && *parser->at == '"')
			break;
		r = pass_special(parser, &is_escaped);
		if (r < 0)
			return r;
	}
	parser->at++;
	r = add_token(parser, HP_JSON_STRING, start);
	if (r < 0)
		return r;
	parser->json->tokens[parser->json->count - 1].is_escaped = is_escaped;
	return 0;
}

/* Behind the digits at `at`; `at` itself where there are none. */
static inline const char *skip_digits(const char *at, const char *end)
{
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

/* The same for a part of a number that must have digits, behind its sign or point. */
static const char *skip_fraction(struct parser *parser, const char *at, const char *reason)
{
	const char *behind = skip_digits(at, parser->end);

	parser->at = behind;
	if (behind > at)
		return behind;
	fail(parser, reason);
	return NULL;
}

static int parse_real(struct parser *parser, const char *start, const char *at)
{
	if (*at == '.') {
		at = skip_fraction(parser, at + 1, "a fraction without digits");
		if (!at)
			return -EINVAL;
	}
	if (at < parser->end && (*at == 'e' || *at == 'E')) {
		at++;
		if (at < parser->end && (*at == '+' || *at == '-'))
			at++;
		if (!skip_fraction(parser, at, "an exponent without digits"))
			return -EINVAL;
	}
	return add_token(parser, HP_JSON_REAL, start);
}

static int parse_number(struct parser *parser)
{
	const char *start = parser->at, *end = parser->end;
	const char *digits = start + (*start == '-');
	const char *at = skip_digits(digits, end);

	parser->at = at;
	if (at == digits)
		return fail(parser, "a number without digits");
	if (*digits == '0' && at > digits + 1)
		return fail(parser, "a number with a leading zero");
	if (at < end && (*at == '.' || *at == 'e' || *at == 'E'))
		return parse_real(parser, start, at);
	return add_token(parser, HP_JSON_INTEGER, start);
}

static int parse_literal(struct parser *parser, const char *literal, enum hp_json_type type)
{
	const char *start = parser->at;
	size_t length = strlen(literal);

	if ((size_t)(parser->end - start) < length || memcmp(start, literal, length) != 0)
		return fail(parser, "no such word");
	parser->at += length;
	return add_token(parser, type, start);
}

/* ---- keys ---- */

static inline bool tokens_are_equal(const char *text, const struct hp_json_token *a,
				    const struct hp_json_token *b)
{
	if (a->count != b->count)
		return false;
	return hp_text_equals(text + a->offset + 1, a->length - 2, text + b->offset + 1,
			      b->length - 2);
}

static int fail_duplicate(struct parser *parser, const struct hp_json_token *key)
{
	parser->at = parser->json->text + key->offset;
	return fail(parser, "a key that the object has already");
}

/* Compares the newest key, `key`, with those before it in the object at `object`. */
static int compare_with_earlier(struct parser *parser, uint32_t object, uint32_t key)
{
	const struct hp_json_token *tokens = parser->json->tokens;

	for (uint32_t i = object + 1; i < key; i = tokens[i + 1].next) {
		if (tokens_are_equal(parser->json->text, &tokens[i], &tokens[key]))
			return fail_duplicate(parser, &tokens[key]);
	}
	return 0;
}

/* One member on the sorting table. Where hashes are equal the decoded texts decide. */
struct member {
	const char *text;
	uint32_t length;
	uint32_t hash;
	uint32_t key; /* its token */
};

static int member_compare(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	if (x->length != y->length)
		return x->length < y->length ? -1 : 1;
	return memcmp(x->text, y->text, x->length);
}

static int list_members(const struct hp_json *json, uint32_t object, struct hp_arena *arena,
			struct member *ret_members)
{
	const struct hp_json_token *tokens = json->tokens;
	uint32_t end = json->count;

	for (uint32_t i = object + 1; i < end; i = tokens[i + 1].next) {
		const char *text = json->text + tokens[i].offset + 1;
		uint32_t length = tokens[i].length - 2;

		if (tokens[i].is_escaped) {
			char *decoded = hp_arena_alloc(arena, length);

			if (!decoded)
				return -ENOMEM;
			length = (uint32_t)hp_text_decode(decoded, text, length);
			text = decoded;
		}
		*ret_members++ = (struct member){text, length, tokens[i].count, i};
	}
	return 0;
}

/* The same for all members of the object at once, when its last one has been read. */
static int compare_all(struct parser *parser, uint32_t object)
{
	const struct hp_json_token *tokens = parser->json->tokens;
	struct hp_arena arena = HP_ARENA_INIT;
	uint32_t count = tokens[object].count;
	struct member *members = hp_arena_calloc(&arena, count, sizeof(*members));
	int r = 0;

	if (!members || list_members(parser->json, object, &arena, members) < 0) {
		hp_arena_free(&arena);
		return hp_err_no_memory(parser->err);
	}
	qsort(members, count, sizeof(*members), member_compare);
	for (uint32_t i = 1; i < count && r == 0; i++) {
		uint32_t key = members[i].key;

		if (member_compare(&members[i - 1], &members[i]) != 0)
			continue;
		if (key < members[i - 1].key)
			key = members[i - 1].key;
		r = fail_duplicate(parser, &tokens[key]);
	}
	hp_arena_free(&arena);
	return r;
}

static int parse_key(struct parser *parser, struct frame *frame)
{
	struct hp_json *json = parser->json;
	struct hp_json_token *token;
	uint32_t members;
	uint64_t bit;
	int r;

	if (next_byte(parser) != '"')
		return fail(parser, "a key is expected");
	r = parse_string(parser);
	if (r < 0)
		return r;
	token = &json->tokens[json->count - 1];
	token->count =
	    hp_text_hash(json->text + token->offset + 1, token->length - 2, token->is_escaped);
	members = ++json->tokens[frame->token].count;
	bit = 1ull << (token->count >> 26);
	if ((frame->seen & bit) && members <= COMPARE_MEMBERS_MAX) {
		r = compare_with_earlier(parser, frame->token, json->count - 1);
		if (r < 0)
			return r;
	}
	frame->seen |= bit;
	if (members > HP_JSON_MEMBERS_MAX)
		return fail_bound(parser->err, "members in an object", HP_JSON_MEMBERS_MAX);
	if (next_byte(parser) != ':')
		return fail(parser, "a colon is expected");
	parser->at++;
	return 0;
}

/* ---- containers ---- */

static int close_container(struct parser *parser)
{
	struct frame *frame = &parser->frames[parser->depth - 1];
	struct hp_json_token *token = &parser->json->tokens[frame->token];

	parser->at++;
	token->length = (uint32_t)(parser->at - parser->json->text) - token->offset;
	token->next = parser->json->count;
	parser->depth--;
	if (frame->is_object && token->count > COMPARE_MEMBERS_MAX)
		return compare_all(parser, frame->token);
	return 0;
}

/* 1: an element follows; 0: the container was empty and is closed again. */
static int open_container(struct parser *parser, bool is_object)
{
	const char *start = parser->at++;
	int r;

	if (parser->depth == HP_JSON_DEPTH_MAX)
		return fail_bound(parser->err, "arrays and objects in one another",
				  HP_JSON_DEPTH_MAX);
	parser->frames[parser->depth++] = (struct frame){
	    .token = parser->json->count,
	    .is_object = is_object,
	};
	r = add_token(parser, is_object ? HP_JSON_OBJECT : HP_JSON_ARRAY, start);
	if (r < 0)
		return r;
	if (next_byte(parser) == (is_object ? '}' : ']'))
		return close_container(parser);
	return 1;
}

/* One element of the innermost container, with its key in an object. As open_container(). */
static int parse_element(struct parser *parser)
{
	struct frame *frame = parser->depth > 0 ? &parser->frames[parser->depth - 1] : NULL;

	if (frame && frame->is_object) {
		int r = parse_key(parser, frame);

		if (r < 0)
			return r;
	} else if (frame) {
		parser->json->tokens[frame->token].count++;
	}
	switch (next_byte(parser)) {
	case '"':
		return parse_string(parser);
	case '{':
		return open_container(parser, true);
	case '[':
		return open_container(parser, false);
	case '-':
	case '0' ... '9':
		return parse_number(parser);
	case 't':
		return parse_literal(parser, "true", HP_JSON_BOOL);
	case 'f':
		return parse_literal(parser, "false", HP_JSON_BOOL);
	case 'n':
		return parse_literal(parser, "null", HP_JSON_NULL);
	default:
		return fail(parser, "a value is expected");
	}
}

/* What stands behind an element: a comma, 1, or the bracket that closes the container, 0. */
static int parse_separator(struct parser *parser)
{
	bool is_object = parser->frames[parser->depth - 1].is_object;
	char byte = next_byte(parser);

	if (byte == ',') {
		parser->at++;
		return 1;
	}
	if (byte != (is_object ? '}' : ']'))
		return fail(parser,
			    is_object ? "a comma or } is expected" : "a comma or ] is expected");
	return close_container(parser);
}

static int parse_document(struct parser *parser)
{
	int r = 1;

	while (r > 0) {
		r = parse_element(parser);
		while (r == 0 && parser->depth > 0)
			r = parse_separator(parser);
	}
	if (r < 0)
		return r;
	next_byte(parser);
	return parser->at == parser->end ? 0 : fail(parser, "more text behind the value");
}

int hp_json_parse(struct hp_json *json, const char *text, size_t length, struct hp_err *err)
{
	struct parser parser;
	int r;

	json->text = text;
	json->count = 0;
	if (length == 0)
		return hp_err_invalid(err, NULL, "not valid JSON: it is empty");
	if (length > HP_MESSAGE_BYTES_MAX)
		return fail_bound(err, "bytes of JSON", HP_MESSAGE_BYTES_MAX);
	parser.at = text;
	parser.end = text + length;
	parser.json = json;
	parser.err = err;
	parser.depth = 0;
	r = parse_document(&parser);
	if (r < 0)
		json->count = 0;
	return r;
}

void hp_json_free(struct hp_json *json)
{
	free(json->tokens);
	*json = (struct hp_json){0};
}
