/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Go's regular expressions by PCRE2, which gets them as go_syntax.c writes them. Go needs time in
 * proportion to the text, PCRE2 may need more: so all that it does is bounded. No state.
 */

#include "client/hookctl/hooks_d/go_regex.h"

#include <assert.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#include "client/hookctl/hooks_d/go_syntax.h"

static_assert(GO_REGEX_REASON_SIZE >= GO_SYNTAX_REASON_SIZE, "the reason is passed on");

#define OPTIONS	       (PCRE2_UTF | PCRE2_ALT_CIRCUMFLEX | PCRE2_NO_AUTO_CAPTURE | PCRE2_NEVER_BACKSLASH_C)
#define NEST_LIMIT     2100 /* go_syntax.c puts a group around each atom */
#define MATCH_LIMIT    1000000
#define HEAP_LIMIT_KIB 20000

/* NULL: *ret_error is of PCRE2, 0 for no memory. */
static pcre2_code *compile_text(const struct hp_buf *text, int *ret_error)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	pcre2_code *code = NULL;
	PCRE2_SIZE offset;

	*ret_error = 0;
	if (context == NULL)
		return NULL;
	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	pcre2_set_parens_nest_limit(context, NEST_LIMIT);
	code = pcre2_compile((PCRE2_SPTR)(text->data != NULL ? text->data : ""), text->length,
			     OPTIONS, ret_error, &offset, context);
	pcre2_compile_context_free(context);
	return code;
}

/*
 * NO: Go refuses it. YES with the code, which is to be freed. UNKNOWN: it is not
 * known, or too large for PCRE2.
 */
static enum go_regex_answer compile(const char *expression, pcre2_code **ret,
				    char reason[static GO_REGEX_REASON_SIZE])
{
	struct hp_buf text = HP_BUF_INIT;
	enum go_syntax_answer syntax = go_syntax_translate(expression, &text, reason);
	enum go_regex_answer answer = GO_REGEX_UNKNOWN;
	int error;

	*ret = NULL;
	if (syntax == GO_SYNTAX_OK && !text.failed)
		*ret = compile_text(&text, &error);
	if (*ret != NULL) {
		answer = GO_REGEX_YES;
	} else if (syntax == GO_SYNTAX_WRONG) {
		answer = GO_REGEX_NO;
	} else if (syntax == GO_SYNTAX_OK && !text.failed &&
		   error == PCRE2_ERROR_UNKNOWN_UNICODE_PROPERTY) {
		answer = GO_REGEX_NO;
		(void)pcre2_get_error_message(error, (PCRE2_UCHAR *)reason, GO_REGEX_REASON_SIZE);
	}
	hp_buf_free(&text);
	return answer;
}

bool go_regex_check(const char *expression, char ret_reason[static GO_REGEX_REASON_SIZE])
{
	pcre2_code *code;
	enum go_regex_answer answer = compile(expression, &code, ret_reason);

	pcre2_code_free(code);
	return answer != GO_REGEX_NO;
}

static enum go_regex_answer match(const pcre2_code *code, const char *text)
{
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(code, NULL);
	pcre2_match_context *context = pcre2_match_context_create(NULL);
	int r = PCRE2_ERROR_NOMEMORY;

	if (data != NULL && context != NULL) {
		pcre2_set_match_limit(context, MATCH_LIMIT);
		pcre2_set_depth_limit(context, MATCH_LIMIT);
		pcre2_set_heap_limit(context, HEAP_LIMIT_KIB);
		r = pcre2_match(code, (PCRE2_SPTR)text, strlen(text), 0, 0, data, context);
	}
	pcre2_match_context_free(context);
	pcre2_match_data_free(data);
	if (r >= 0)
		return GO_REGEX_YES;
	return r == PCRE2_ERROR_NOMATCH ? GO_REGEX_NO : GO_REGEX_UNKNOWN;
}

enum go_regex_answer go_regex_match(const char *expression, const char *text)
{
	char reason[GO_REGEX_REASON_SIZE];
	pcre2_code *code;
	enum go_regex_answer answer = GO_REGEX_UNKNOWN;

	if (compile(expression, &code, reason) == GO_REGEX_YES)
		answer = match(code, text);
	pcre2_code_free(code);
	return answer;
}
