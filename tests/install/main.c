/* SPDX-License-Identifier: Apache-2.0 */
/* A minimal program that uses libhookd. */
#include <hookd.h>
#include <stdio.h>

int main(void)
{
	struct hookd_client *client;
	int r = hookd_client_new("unix:/nonexistent/socket", &client);

	if (r < 0)
		return 1;
	r = hookd_client_connect(client);
	puts(hookd_client_error(client));
	hookd_client_free(client);
	return r < 0 ? 0 : 1;
}
