/* xsd.h: the XML schema of answers, requests and errors. */
#ifndef MS_TOOLS_XSD_H
#define MS_TOOLS_XSD_H

#include <stdio.h>

/** Write doc/store.xsd, made from the tables. 0 if all went well. */
int ms_xsd_write(FILE *out);

#endif
