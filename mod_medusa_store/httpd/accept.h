/* accept.h: which representation a client asks for. Inside httpd/ only. */
#ifndef MS_HTTPD_ACCEPT_H
#define MS_HTTPD_ACCEPT_H

/** 1: the value of an Accept field (NULL: none) prefers application/xml or text/xml to JSON (RFC 9110, 12.5.1); at equal weights JSON
 *  is answered. */
int ms_accept_xml(const char *accept);

/** 1: it prefers text/html to JSON, as browsers do when they go to a page. */
int ms_accept_page(const char *accept);

/** 1: it prefers text/html to plain text, as browsers do; at equal weights text is answered. */
int ms_accept_html(const char *accept);

#endif
