/* Routes that need no job: pings, OPTIONS, and what this engine does not have. */
#include "api/server/routes.h"

void answer_ping(struct request *r)
{
	r->response.extra = "Builder-Version: 1\r\n"
			    "Cache-Control: no-cache, no-store, must-revalidate\r\n"
			    "Pragma: no-cache\r\n"
			    "Swarm: inactive\r\n";
	reply_text(r, 200, "text/plain; charset=utf-8", r->response.no_body ? "" : "OK");
	r->response.extra = NULL;
}

void answer_options(struct request *r)
{
	reply_text(r, 200, NULL, "");
}

void answer_no_swarm(struct request *r)
{
	reply_message(r, 503,
		      "This node is not a swarm manager. Use \"docker swarm init\" or "
		      "\"docker swarm join\" to connect this node to swarm and try again.");
}

/* Docker's sentence would send its reader round in a circle here. */
void answer_no_swarm_mode(struct request *r)
{
	reply_message(r, 503, "This engine has no swarm mode");
}

void answer_not_in_swarm(struct request *r)
{
	reply_message(r, 503, "This node is not part of a swarm");
}

void answer_experimental(struct request *r)
{
	reply_message(
		r, 501,
		"This experimental feature is disabled by default. Start the Docker daemon in "
		"experimental mode in order to enable it.");
}
