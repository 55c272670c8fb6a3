/* SPDX-License-Identifier: Apache-2.0 */

/* The parser: any bytes, and jansson must see the same in them. */

#include "tests/fuzz/fuzz.h"
#include "tests/proto/json/jansson_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *difference = oracle_compare((const char *)data, size, NULL);

	must(difference == NULL, difference);
	return 0;
}
