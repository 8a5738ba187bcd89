/* survey.h: which schema do the shops' databases have, before the first request comes? Inside httpd/ only. */
#ifndef MS_HTTPD_SURVEY_H
#define MS_HTTPD_SURVEY_H

#include <httpd.h>

/** Ask the databases of all shops, at the end of post_config; takes no longer than the longest MedusaStoreDBWait. What is older, and who
 *  does not answer, is logged. A schema that is newer than the module keeps httpd from starting: then the text says so. A restart
 *  goes on with the databases that were served before it; a shop that is new is set aside (ms_server_t's `newer`). */
const char *ms_survey(apr_pool_t *ptemp, server_rec *main_server);

#endif
