/* SPDX-License-Identifier: Apache-2.0 */

/* The parser with any bytes: jansson must accept the same texts and read the same values. */

#include "tests/fuzz/fuzz.h"
#include "tests/proto/json/jansson_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *difference = oracle_compare((const char *)data, size, NULL);

	must(difference == NULL, difference);
	return 0;
}
