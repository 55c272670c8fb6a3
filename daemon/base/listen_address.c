/* SPDX-License-Identifier: Apache-2.0 */
/* Parses addresses to listen on. Names of hosts are not looked up. No state. */
#include "daemon/base/listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static int parse_path(const char *path, struct listen_address *ret_address)
{
	struct sockaddr_un *un = &ret_address->un;
	size_t length = strlen(path);

	if (path[0] != '/' || path[length - 1] == '/' || length >= sizeof(un->sun_path))
		return -EINVAL;
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, length + 1);
	ret_address->length = sizeof(*un);
	return 0;
}

static int parse_port(const char *text, in_port_t *ret_port)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long port;

	if (digits == 0 || digits > 5 || text[digits])
		return -EINVAL;
	port = strtoul(text, NULL, 10);
	*ret_port = htons((uint16_t)port);
	return port == 0 || port > UINT16_MAX ? -EINVAL : 0;
}

static int parse_ipv4(const char *host, in_port_t port, struct listen_address *ret_address)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&ret_address->storage;

	if (inet_pton(AF_INET, host, &in->sin_addr) != 1 ||
	    ntohl(in->sin_addr.s_addr) >> 24 != IN_LOOPBACKNET)
		return -EINVAL;
	in->sin_family = AF_INET;
	in->sin_port = port;
	ret_address->length = sizeof(*in);
	return 0;
}

static void set_ipv6(in_port_t port, struct listen_address *ret_address)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret_address->storage;

	in6->sin6_family = AF_INET6;
	in6->sin6_addr = in6addr_loopback;
	in6->sin6_port = port;
	ret_address->length = sizeof(*in6);
}

int listen_address_parse(const char *text, struct listen_address *ret_address)
{
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN + 2];
	in_port_t port;

	*ret_address = (struct listen_address){.length = 0};
	if (strncmp(text, "unix:", strlen("unix:")) == 0)
		return parse_path(text + strlen("unix:"), ret_address);
	if (!colon || (size_t)(colon - text) >= sizeof(host) || parse_port(colon + 1, &port) < 0)
		return -EINVAL;
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
	if (strcmp(host, "[::1]") != 0)
		return parse_ipv4(host, port, ret_address);
	set_ipv6(port, ret_address);
	return 0;
}
