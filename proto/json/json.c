/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The parser: one pass over a text, which checks it and makes its tokens. json_value.c reads them.
 *
 * No recursion: the open arrays and objects are in a stack of HP_JSON_DEPTH_MAX frames. The text is
 * read by one pointer that only goes forward:
 *
 *   element --scalar or empty container--> separator --comma--> element
 *      \--'[' or '{'--> element               \--bracket--> separator, or the end
 *
 * A key that an object has twice is found without comparing each with each: a frame keeps 64 bits
 * of which hashes it has seen, so most keys of a small object need no comparison at all. Where the
 * members are many, or a key is spelled with escapes, they are sorted when the object closes. That
 * is n log n for any keys, so keys with equal hashes cost no more.
 */

#include "proto/json/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/limits.h"
#include "proto/json/text.h"

/* Up to here comparing a key with all before it is cheaper than sorting them. */
#define COMPARE_MEMBERS_MAX 32

/* Enough for a usual request; doubled as needed. */
#define TOKENS_FIRST 128

struct frame {
	uint64_t seen;	/* bit n: a key's hash had n in its highest six bits */
	uint32_t token; /* of the array or object */
	bool is_object;
	bool sorts_keys; /* when it closes */
};

struct parser {
	const char *end;
	struct hp_json *json;
	struct hp_err *err;
	int r;		      /* after an error */
	bool element_follows; /* after a comma or an opening bracket */
	unsigned int depth;
	struct frame frames[HP_JSON_DEPTH_MAX];
};

/*
 * Every function below takes the position where it starts and returns the position after what it
 * has read, or NULL on an error. Passed on so, the position stays in a register.
 */

static const char *fail(struct parser *parser, const char *at, const char *reason)
{
	struct hp_json *json = parser->json;

	json->error = reason;
	json->error_offset = (size_t)(at - json->text);
	parser->r = hp_err_invalid(parser->err, NULL, "not valid JSON at byte %zu: %s",
				   json->error_offset, reason);
	return NULL;
}

static int fail_bound(struct hp_err *err, const char *what, unsigned int bound)
{
	hp_err_invalid(err, NULL, "more than %u %s", bound, what);
	return -EMSGSIZE;
}

static bool grow_tokens(struct parser *parser)
{
	struct hp_json *json = parser->json;
	uint32_t capacity = json->capacity ? json->capacity * 2 : TOKENS_FIRST;
	struct hp_json_token *tokens;

	if (json->count >= HP_JSON_TOKENS_MAX) {
		parser->r = fail_bound(parser->err, "JSON values", HP_JSON_TOKENS_MAX);
		return false;
	}
	tokens = realloc(json->tokens, capacity * sizeof(*tokens));
	if (!tokens) {
		parser->r = hp_err_no_memory(parser->err);
		return false;
	}
	json->tokens = tokens;
	json->capacity = capacity;
	return true;
}

/* Adds the token of the text from `start` to `end`. Returns `end`, or NULL. */
static inline const char *add_token(struct parser *parser, enum hp_json_type type,
				    const char *start, const char *end)
{
	struct hp_json *json = parser->json;

	if (json->count == json->capacity && !grow_tokens(parser))
		return NULL;
	json->tokens[json->count] = (struct hp_json_token){
	    .offset = (uint32_t)(start - json->text),
	    .length = (uint32_t)(end - start),
	    .next = json->count + 1,
	    .type = (uint8_t)type,
	};
	json->count++;
	return end;
}

static inline const char *skip_space(const struct parser *parser, const char *at)
{
	while (at < parser->end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
		at++;
	return at;
}

/* The byte at `at`; at the end '\0', which JSON does not contain. */
static inline char byte_at(const struct parser *parser, const char *at)
{
	return at < parser->end ? *at : '\0';
}

/* ---- scalars ---- */

/* Inside a string: checks and skips an escape or a multi-byte sequence. */
static const char *pass_special(struct parser *parser, const char *at, bool *is_escaped)
{
	size_t length;

	if (at == parser->end)
		return fail(parser, at, "unterminated string");
	if ((unsigned char)*at < 0x20)
		return fail(parser, at, "a control character in a string");
	if (*at == '\\') {
		length = hp_text_escape(at, parser->end);
		*is_escaped = true;
	} else {
		length = hp_text_sequence(at, parser->end);
	}
	if (length == 0)
		return fail(parser, at, *at == '\\' ? "invalid escape" : "invalid UTF-8");
	return at + length;
}

static const char *parse_string(struct parser *parser, const char *at)
{
	const char *start = at++;
	bool is_escaped = false;

	for (;;) {
		at = hp_text_skip_plain(at, parser->end);
		if (byte_at(parser, at) == '"')
			break;
		at = pass_special(parser, at, &is_escaped);
		if (!at)
			return NULL;
	}
	at = add_token(parser, HP_JSON_STRING, start, at + 1);
	if (at)
		parser->json->tokens[parser->json->count - 1].is_escaped = is_escaped;
	return at;
}

static inline const char *skip_digits(const char *at, const char *end)
{
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

/* The digits that a fraction or an exponent must have. */
static const char *parse_digits(struct parser *parser, const char *at)
{
	const char *end = skip_digits(at, parser->end);

	return end > at ? end : fail(parser, at, "a digit is expected");
}

static const char *parse_real(struct parser *parser, const char *start, const char *at)
{
	if (*at == '.')
		at = parse_digits(parser, at + 1);
	if (at && (byte_at(parser, at) | 0x20) == 'e') {
		at++;
		if (byte_at(parser, at) == '+' || byte_at(parser, at) == '-')
			at++;
		at = parse_digits(parser, at);
	}
	return at ? add_token(parser, HP_JSON_REAL, start, at) : NULL;
}

static const char *parse_number(struct parser *parser, const char *start)
{
	const char *digits = start + (*start == '-');
	const char *at = skip_digits(digits, parser->end);
	char behind = byte_at(parser, at);

	if (at == digits)
		return fail(parser, at, "a digit is expected");
	if (*digits == '0' && at > digits + 1)
		return fail(parser, at, "a number with a leading zero");
	if (behind == '.' || (behind | 0x20) == 'e')
		return parse_real(parser, start, at);
	return add_token(parser, HP_JSON_INTEGER, start, at);
}

static const char *parse_literal(struct parser *parser, const char *at, const char *literal,
				 enum hp_json_type type)
{
	size_t length = strlen(literal);

	if ((size_t)(parser->end - at) < length || memcmp(at, literal, length) != 0)
		return fail(parser, at, "invalid literal");
	return add_token(parser, type, at, at + length);
}

/* ---- keys ---- */

static bool fail_duplicate(struct parser *parser, uint32_t key)
{
	const struct hp_json *json = parser->json;

	fail(parser, json->text + json->tokens[key].offset, "duplicate key");
	return false;
}

/* Compares `key` with those before it in the object; none of them has an escape. */
static bool is_new_key(struct parser *parser, uint32_t object, uint32_t key)
{
	const struct hp_json_token *tokens = parser->json->tokens;
	const struct hp_json_token *a, *b = &tokens[key];
	const char *text = parser->json->text;

	for (uint32_t i = object + 1; i < key; i = tokens[i + 1].next) {
		a = &tokens[i];
		if (a->count == b->count && a->length == b->length &&
		    memcmp(text + a->offset, text + b->offset, a->length) == 0)
			return fail_duplicate(parser, key);
	}
	return true;
}

/* One member while its object is being sorted; its text is decoded. */
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

/* The members of the object, whose tokens are the last ones, in the order of the text. */
static struct member *list_members(const struct hp_json *json, uint32_t object,
				   struct hp_arena *arena)
{
	const struct hp_json_token *tokens = json->tokens;
	struct member *members = hp_arena_calloc(arena, tokens[object].count, sizeof(*members));
	struct member *next = members;

	for (uint32_t i = object + 1; members && i < json->count; i = tokens[i + 1].next, next++) {
		next->key = i;
		next->text = json->text + tokens[i].offset + 1;
		next->length = tokens[i].length - 2;
		if (tokens[i].is_escaped) {
			char *decoded = hp_arena_copy(arena, next->text, next->length);

			if (!decoded)
				return NULL;
			next->length = (uint32_t)hp_text_decode(decoded, next->text, next->length);
			next->text = decoded;
		}
		next->hash = hp_text_hash(next->text, next->length);
	}
	return members;
}

static bool are_new_keys(struct parser *parser, uint32_t object)
{
	uint32_t count = parser->json->tokens[object].count;
	struct hp_arena arena = HP_ARENA_INIT;
	struct member *members = list_members(parser->json, object, &arena);
	bool are_new = members != NULL;

	if (!members)
		parser->r = hp_err_no_memory(parser->err);
	else
		qsort(members, count, sizeof(*members), member_compare);
	for (uint32_t i = 1; are_new && i < count; i++) {
		uint32_t a = members[i - 1].key, b = members[i].key;

		if (member_compare(&members[i - 1], &members[i]) == 0)
			are_new = fail_duplicate(parser, a > b ? a : b);
	}
	hp_arena_free(&arena);
	return are_new;
}

/* Counts and checks the key that was read last. */
static bool take_key(struct parser *parser, struct frame *frame)
{
	struct hp_json *json = parser->json;
	struct hp_json_token *token = &json->tokens[json->count - 1];
	uint32_t members = ++json->tokens[frame->token].count;
	bool may_be_known;

	if (members > HP_JSON_MEMBERS_MAX) {
		parser->r = fail_bound(parser->err, "members in an object", HP_JSON_MEMBERS_MAX);
		return false;
	}
	frame->sorts_keys |= members > COMPARE_MEMBERS_MAX || token->is_escaped;
	if (frame->sorts_keys)
		return true;
	token->count = hp_text_hash(json->text + token->offset + 1, token->length - 2);
	may_be_known = frame->seen >> (token->count >> 26) & 1;
	frame->seen |= 1ull << (token->count >> 26);
	return !may_be_known || is_new_key(parser, frame->token, json->count - 1);
}

static const char *parse_key(struct parser *parser, struct frame *frame, const char *at)
{
	if (byte_at(parser, at) != '"')
		return fail(parser, at, "a key is expected");
	at = parse_string(parser, at);
	if (!at || !take_key(parser, frame))
		return NULL;
	at = skip_space(parser, at);
	if (byte_at(parser, at) != ':')
		return fail(parser, at, "a colon is expected");
	return skip_space(parser, at + 1);
}

/* ---- containers ---- */

/* `at` is its closing bracket. */
static const char *close_container(struct parser *parser, const char *at)
{
	struct frame *frame = &parser->frames[--parser->depth];
	struct hp_json_token *token = &parser->json->tokens[frame->token];

	token->length = (uint32_t)(at + 1 - parser->json->text) - token->offset;
	token->next = parser->json->count;
	if (frame->sorts_keys && !are_new_keys(parser, frame->token))
		return NULL;
	return at + 1;
}

/* Up to its first element, or to its end when it is empty. */
static const char *open_container(struct parser *parser, const char *at, bool is_object)
{
	if (parser->depth == HP_JSON_DEPTH_MAX) {
		parser->r = fail_bound(parser->err, "nested arrays and objects", HP_JSON_DEPTH_MAX);
		return NULL;
	}
	parser->frames[parser->depth++] = (struct frame){
	    .token = parser->json->count,
	    .is_object = is_object,
	};
	at = add_token(parser, is_object ? HP_JSON_OBJECT : HP_JSON_ARRAY, at, at + 1);
	if (!at)
		return NULL;
	at = skip_space(parser, at);
	if (byte_at(parser, at) == (is_object ? '}' : ']'))
		return close_container(parser, at);
	parser->element_follows = true;
	return at;
}

/* U+FEFF in UTF-8, which some editors put at the beginning of a file. */
static bool begins_with_mark(const struct parser *parser, const char *at)
{
	static const char mark[] = "\xef\xbb\xbf";

	return at == parser->json->text && parser->end - at >= 3 && memcmp(at, mark, 3) == 0;
}

static const char *parse_value(struct parser *parser, const char *at)
{
	switch (byte_at(parser, at)) {
	case '"':
		return parse_string(parser, at);
	case '{':
		return open_container(parser, at, true);
	case '[':
		return open_container(parser, at, false);
	case '-':
	case '0' ... '9':
		return parse_number(parser, at);
	case 't':
		return parse_literal(parser, at, "true", HP_JSON_BOOL);
	case 'f':
		return parse_literal(parser, at, "false", HP_JSON_BOOL);
	case 'n':
		return parse_literal(parser, at, "null", HP_JSON_NULL);
	default:
		return fail(parser, at,
			    begins_with_mark(parser, at)
				? "a byte order mark, which JSON must not have"
				: "a value is expected");
	}
}

/* One element of the innermost container, with its key in an object. */
static const char *parse_element(struct parser *parser, const char *at)
{
	struct frame *frame = &parser->frames[parser->depth - 1];

	parser->element_follows = false;
	at = skip_space(parser, at);
	if (frame->is_object)
		at = parse_key(parser, frame, at);
	else
		parser->json->tokens[frame->token].count++;
	return at ? parse_value(parser, at) : NULL;
}

/* What follows an element: a comma, or the bracket that closes the container. */
static const char *parse_separator(struct parser *parser, const char *at)
{
	bool is_object = parser->frames[parser->depth - 1].is_object;

	at = skip_space(parser, at);
	if (byte_at(parser, at) == ',') {
		parser->element_follows = true;
		return at + 1;
	}
	if (byte_at(parser, at) == (is_object ? '}' : ']'))
		return close_container(parser, at);
	return fail(parser, at,
		    is_object ? "a comma or } is expected" : "a comma or ] is expected");
}

static const char *parse_document(struct parser *parser, const char *at)
{
	at = parse_value(parser, skip_space(parser, at));
	while (at && parser->depth > 0) {
		if (parser->element_follows)
			at = parse_element(parser, at);
		else
			at = parse_separator(parser, at);
	}
	if (!at)
		return NULL;
	at = skip_space(parser, at);
	return at == parser->end ? at : fail(parser, at, "more text after the value");
}

int hp_json_parse(struct hp_json *json, const char *text, size_t length, struct hp_err *err)
{
	struct parser parser;

	json->text = text;
	json->count = 0;
	json->error = NULL;
	json->error_offset = 0;
	if (length == 0) {
		json->error = "it is empty";
		return hp_err_invalid(err, NULL, "not valid JSON: %s", json->error);
	}
	if (length > HP_REPLY_BYTES_MAX)
		return fail_bound(err, "bytes of JSON", HP_REPLY_BYTES_MAX);
	parser.end = text + length;
	parser.json = json;
	parser.err = err;
	parser.element_follows = false;
	parser.depth = 0;
	if (parse_document(&parser, text))
		return 0;
	json->count = 0;
	return parser.r;
}

void hp_json_free(struct hp_json *json)
{
	free(json->tokens);
	*json = (struct hp_json){0};
}
