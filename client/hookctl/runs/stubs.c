#include "client/hookctl/hookctl.h"
int verb_run(struct ctl *ctl)
{
	(void)ctl;
	return 1;
}
int verb_ps(struct ctl *ctl)
{
	(void)ctl;
	return 1;
}
int verb_inspect(struct ctl *ctl)
{
	(void)ctl;
	return 1;
}
int verb_logs(struct ctl *ctl)
{
	(void)ctl;
	return 1;
}
int verb_events(struct ctl *ctl)
{
	(void)ctl;
	return 1;
}
int verb_summary(struct ctl *ctl)
{
	(void)ctl;
	return 1;
}
int verb_wait(struct ctl *ctl)
{
	(void)ctl;
	return 1;
}
int verb_cancel(struct ctl *ctl)
{
	(void)ctl;
	return 1;
}
