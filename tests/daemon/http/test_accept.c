/* SPDX-License-Identifier: Apache-2.0 */

/* Which format a client gets for its Accept header, and which addresses hookd listens on. */

#include "tests/daemon/support/support.h"

#include <netinet/in.h>

#include "daemon/base/listen_address.h"
#include "daemon/http/accept.h"

#define FIFTY	    "01234567890123456789012345678901234567890123456789"
#define OPENMETRICS "application/openmetrics-text"

static void the_format_that_is_preferred(void **state)
{
	static const struct {
		const char *accept;
		bool is_openmetrics;
	} rows[] = {
	    {NULL, false},
	    {"", false},
	    {"*/*", false},
	    {"text/plain", false},
	    {"application/*", false},
	    {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false},
	    {OPENMETRICS, true},
	    {"Application/OpenMetrics-Text", true},
	    {OPENMETRICS ";version=1.0.0", true},
	    {OPENMETRICS "; version=1.0.0; charset=utf-8", true},
	    {OPENMETRICS " ;\tversion = 1.0.0", true},
	    {OPENMETRICS ";version=0.0.1", false},
	    {OPENMETRICS ";version=2.0.0", false},
	    {OPENMETRICS ";q=0", false},
	    {OPENMETRICS ";q=0.0,*/*", false},
	    {OPENMETRICS ";q=0.5,text/plain;q=0.6", false},
	    {OPENMETRICS ";q=0.6,text/plain;q=0.5", true},
	    {OPENMETRICS ";q=0.5,text/plain;q=0.5", true},
	    {OPENMETRICS ";q=0.501,text/plain;q=0.502", false},
	    {OPENMETRICS ";q=0.5,text/*;q=0.9", false},
	    {OPENMETRICS ";q=0.5,*/*;q=0.9", false},
	    /* The more exact range decides, not the greater weight. */
	    {OPENMETRICS ";q=0.5,text/plain;q=0.1,*/*", true},
	    {OPENMETRICS ";q=0.1,application/*,text/plain;q=0.5", false},
	    {OPENMETRICS ";q=nonsense", false},
	    {OPENMETRICS ";q=2", false},
	    {OPENMETRICS ";q=1.001", false},
	    {OPENMETRICS ";q=", false},
	    {OPENMETRICS "-2", false},
	    {",,;,;q=1," OPENMETRICS, true},
	    {";=;=,=", false},
	    {"text/plain;version=0.0.4;q=0.5, " OPENMETRICS ";version=1.0.0;q=0.4", false},
	    {OPENMETRICS ";q=0.5,text/plain;version=1.0.0", true},
	    /* As Prometheus 2.42 and 3 send it. */
	    {OPENMETRICS ";version=1.0.0," OPENMETRICS ";version=0.0.1;q=0.75,"
			 "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
	     true},
	    {OPENMETRICS ";version=1.0.0;escaping=allow-utf-8;q=0.6," OPENMETRICS
			 ";version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
			 "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
	     true},
	    {"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
	     "encoding=delimited,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
	     false},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		if (accept_prefers_openmetrics(rows[i].accept) != rows[i].is_openmetrics)
			fail_msg("wrong for \"%s\"", rows[i].accept ? rows[i].accept : "(none)");
}

static void addresses_of_this_machine(void **state)
{
	struct listen_address address;
	const struct sockaddr_in *in = (struct sockaddr_in *)&address.storage;
	const struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address.storage;

	(void)state;
	assert_int_equal(listen_address_parse("127.0.0.1:9464", &address), 0);
	assert_int_equal(in->sin_family, AF_INET);
	assert_int_equal(ntohs(in->sin_port), 9464);
	assert_int_equal(ntohl(in->sin_addr.s_addr), INADDR_LOOPBACK);
	assert_int_equal(listen_address_parse("127.255.0.9:65535", &address), 0);
	assert_int_equal(listen_address_parse("[::1]:1", &address), 0);
	assert_int_equal(in6->sin6_family, AF_INET6);
	assert_int_equal(ntohs(in6->sin6_port), 1);
	assert_true(IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr));
	assert_int_equal(listen_address_parse("unix:/a/b.sock", &address), 0);
	assert_int_equal(address.any.sa_family, AF_UNIX);
	assert_string_equal(address.un.sun_path, "/a/b.sock");
}

static void all_other_addresses_are_refused(void **state)
{
	static const char *const texts[] = {
	    "",
	    ":",
	    ":9464",
	    "9464",
	    "127.0.0.1",
	    "127.0.0.1:",
	    "127.0.0.1:0",
	    "127.0.0.1:65536",
	    "127.0.0.1:99999999999999999999",
	    "127.0.0.1:-1",
	    "127.0.0.1:+1",
	    "127.0.0.1: 1",
	    "127.0.0.1:1x",
	    "127.1:1",
	    "0127.0.0.1:1",
	    "0.0.0.0:1",
	    "126.255.255.255:1",
	    "128.0.0.1:1",
	    "[::]:1",
	    "::1:1",
	    "[::1%lo]:1",
	    "[::ffff:127.0.0.1]:1",
	    "localhost:1",
	    "unix:",
	    "unix:a",
	    "unix:@a",
	    "unix:/",
	    "unix:/a/",
	    "/a",
	    "tcp:127.0.0.1:1",
	    /* A byte longer than a Unix socket's path can be, with its NUL. */
	    ("unix:/" FIFTY FIFTY "1234567"),
	};
	struct listen_address address;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(texts); i++)
		if (listen_address_parse(texts[i], &address) != -EINVAL)
			fail_msg("\"%s\" is taken", texts[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_format_that_is_preferred),
	    cmocka_unit_test(addresses_of_this_machine),
	    cmocka_unit_test(all_other_addresses_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
